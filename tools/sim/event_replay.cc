#include "tools/sim/event_replay.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "core/base/status_macros.h"
#include "core/route/router.h"
#include "server/convert/fleet_convert.h"
#include "server/convert/placement_convert.h"
#include "server/convert/proto_convert.h"
#include "tools/replay/virtual_clock.h"

namespace eldr::sim {
namespace {

class EventPlayer {
 public:
  static absl::StatusOr<std::unique_ptr<EventPlayer>> Create(const std::string& policy,
                                                             const PolicySettings& settings,
                                                             std::uint64_t seed) {
    std::unique_ptr<EventPlayer> player(new EventPlayer(policy, settings));
    Router::Options options;
    options.seed = seed;
    ELDR_ASSIGN_OR_RETURN(player->router_,
                          Router::Create(options, player->clock_, player->observer_));
    return player;
  }

  absl::Status Play(const storage::v1::EventRecord& event) {
    Advance(event);
    switch (event.event_case()) {
      case storage::v1::EventRecord::kModelDeclared:
        return Declare(event.model_declared());
      case storage::v1::EventRecord::kNodeRegistered:
        return Register(event.node_registered());
      case storage::v1::EventRecord::kNodeState:
        return ChangeNode(event.node_state());
      case storage::v1::EventRecord::kNodeRemoved:
        leases_.erase(event.node_removed());
        return router_->RemoveNode(event.node_removed()).status();
      case storage::v1::EventRecord::kLeaseAdopted:
        return Adopt(event.lease_adopted());
      case storage::v1::EventRecord::kLeaseHeld:
        return Hold(event.lease_held());
      case storage::v1::EventRecord::kSignaturePushed:
        return Push(event.signature_pushed());
      case storage::v1::EventRecord::kPlaced:
        return Place(event.placed());
      case storage::v1::EventRecord::kLeaseEnded:
        return End(event.lease_ended());
      case storage::v1::EventRecord::kHeartbeat:
        return Heartbeat(event.heartbeat());
      case storage::v1::EventRecord::EVENT_NOT_SET:
        break;
    }
    return absl::OkStatus();
  }

  EventReplayResult Result() const {
    EventReplayResult result = result_;
    if (result.placements == 0) return result;
    const auto placements = static_cast<double>(result.placements);
    result.marginal_experts /= placements;
    result.step_seconds /= placements;
    result.load_spread /= placements;
    return result;
  }

 private:
  EventPlayer(const std::string& policy, const PolicySettings& settings)
      : recorded_(policy == "recorded"), settings_(settings) {
    result_.policy = policy;
    // The evaluation of where things went is that of the residency policy.
    settings_.policy = recorded_ ? "residency" : policy;
  }

  // Events of several threads may be a little out of order; time never goes back.
  void Advance(const storage::v1::EventRecord& event) {
    const absl::Duration time =
        absl::Seconds(event.time().seconds()) + absl::Nanoseconds(event.time().nanos());
    if (!first_) first_ = time;
    clock_.AdvanceTo(std::max(clock_.Monotonic(), time - *first_));
    for (BackgroundJob& job : router_->TakeBackgroundJobs()) {
      job.Run();
      job.Publish();
    }
  }

  absl::Status Declare(const v1::Model& model) {
    if (router_->DescribeModel(model.name()).ok()) return absl::OkStatus();
    return router_
        ->DeclareModel(
            {.name = model.name(), .geometry = FromProto(model.geometry()), .settings = settings_})
        .status();
  }

  absl::Status Register(const v1::NodeSpec& proto) {
    NodeSpec spec;
    ELDR_ASSIGN_OR_RETURN(spec, FromProto(proto));
    leases_[spec.node_id];
    return router_->RegisterNode(spec).status();
  }

  absl::Status ChangeNode(const storage::v1::NodeStateEvent& event) {
    if (!leases_.contains(event.node_id())) return absl::OkStatus();
    if (event.state() == v1::NODE_STATE_READY) {
      // A snapshot tells of nodes whose first heartbeat came before it.
      NodeReport report;
      report.node_id = event.node_id();
      ELDR_RETURN_IF_ERROR(router_->Heartbeat(report).status());
    }
    return event.draining() ? router_->DrainNode(event.node_id()).status()
                            : router_->UndrainNode(event.node_id()).status();
  }

  absl::Status Push(const v1::PushSignatureRequest& request) {
    absl::StatusOr<SignaturePush> push = FromProto(request);
    if (!push.ok()) return push.status();
    push->append_at.reset();  // what it continues may have been recorded before this log began
    return router_->PushSignature(*push).status();
  }

  absl::Status Place(const storage::v1::PlacedEvent& event) {
    PlacementQuery query;
    ELDR_ASSIGN_OR_RETURN(query, FromProto(event.query()));
    return Decide(query, event.node_id());
  }

  // Borrows from the event.
  static PlacementQuery QueryFor(const storage::v1::LeaseEvent& lease) {
    PlacementQuery query;
    query.model = lease.model();
    query.request_id = lease.request_id();
    query.sequences = std::max(lease.sequences(), 1u);
    query.context_tokens = lease.context_tokens();
    return query;
  }

  absl::Status Adopt(const storage::v1::LeaseEvent& lease) {
    return Decide(QueryFor(lease), lease.node_id());
  }

  // Placed before the log began: where it is was not decided here, so nothing is counted. The
  // snapshots of later files tell of what this replay has placed by itself.
  absl::Status Hold(const storage::v1::LeaseEvent& lease) {
    if (result_.placements > 0 || node_of_.contains(lease.request_id())) return absl::OkStatus();
    PlacementQuery query = QueryFor(lease);
    query.lease_ttl = absl::Hours(1);
    const std::string* const only[] = {&lease.node_id()};
    query.allow_nodes = only;
    const absl::StatusOr<Placement> placement = router_->Place(query);
    if (!placement.ok()) {
      ++result_.refused;  // a node that is full, drains or is lost now
      return absl::OkStatus();
    }
    Move(lease.request_id(), std::string(placement->node.node_id));
    return absl::OkStatus();
  }

  absl::Status Decide(PlacementQuery query, const std::string& recorded_node) {
    query.lease_ttl = absl::Hours(1);  // renewals are not recorded
    const std::string* const only[] = {&recorded_node};
    if (recorded_) query.allow_nodes = only;
    const absl::StatusOr<Placement> placement = router_->Place(query);
    if (!placement.ok()) {
      ++result_.refused;
      return absl::OkStatus();
    }
    if (placement->reason == PlacementReason::kExistingLease) return absl::OkStatus();
    ++result_.placements;
    if (placement->node.node_id == recorded_node) ++result_.same_node;
    result_.marginal_experts += placement->marginal_experts;
    result_.step_seconds += absl::ToDoubleSeconds(placement->predicted_step_time);
    Move(std::string(query.request_id), std::string(placement->node.node_id));
    const auto [least, most] =
        std::minmax_element(leases_.begin(), leases_.end(),
                            [](const auto& a, const auto& b) { return a.second < b.second; });
    result_.load_spread += static_cast<double>(most->second - least->second);
    return absl::OkStatus();
  }

  // Counts where the request is now; an empty node: nowhere.
  void Move(const std::string& request_id, const std::string& node_id) {
    const auto before = node_of_.find(request_id);
    if (before != node_of_.end()) {
      const auto node = leases_.find(before->second);
      if (node != leases_.end() && node->second > 0) --node->second;
      node_of_.erase(before);
    }
    if (node_id.empty()) return;
    ++leases_[node_id];
    node_of_[request_id] = node_id;
  }

  absl::Status End(const storage::v1::LeaseEvent& lease) {
    if (lease.end() == Name(LeaseEnd::kMoved)) return absl::OkStatus();  // it goes on elsewhere
    Move(lease.request_id(), "");
    LeaseRelease release;
    release.lease = {lease.model(), lease.request_id(), 0};
    return router_->Release(release).status();
  }

  absl::Status Heartbeat(const v1::HeartbeatRequest& request) {
    if (!leases_.contains(request.node_id())) return absl::OkStatus();
    std::vector<StepStats> steps;
    NodeReport report;
    ELDR_ASSIGN_OR_RETURN(report, FromProto(request, &steps));
    NodeReport told;
    told.node_id = report.node_id;
    told.steps = report.steps;
    return router_->Heartbeat(told).status();
  }

  const bool recorded_;
  PolicySettings settings_;
  replay::VirtualClock clock_;
  RouterObserver observer_;
  std::unique_ptr<Router> router_;
  std::optional<absl::Duration> first_;
  std::map<std::string, std::uint64_t> leases_;  // by node
  std::map<std::string, std::string> node_of_;   // by request
  EventReplayResult result_;
};

}  // namespace

absl::StatusOr<EventReplayResult> ReplayEvents(absl::Span<const storage::v1::EventRecord> events,
                                               const std::string& policy,
                                               const PolicySettings& settings, std::uint64_t seed) {
  std::unique_ptr<EventPlayer> player;
  ELDR_ASSIGN_OR_RETURN(player, EventPlayer::Create(policy, settings, seed));
  for (std::size_t i = 0; i < events.size(); ++i) {
    const absl::Status status = player->Play(events[i]);
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("event ", i, ": ", status.message()));
    }
  }
  return player->Result();
}

}  // namespace eldr::sim

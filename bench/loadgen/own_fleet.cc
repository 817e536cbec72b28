#include "bench/loadgen/own_fleet.h"

#include <algorithm>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace eldr::loadgen {
namespace {

constexpr std::uint64_t kChurnStream = 0x636875726e;
// Well below a third of the daemon's default node_timeout.
constexpr absl::Duration kBeatInterval = absl::Seconds(1);

}  // namespace

absl::StatusOr<std::unique_ptr<OwnFleet>> OwnFleet::Join(const LoadOptions& options,
                                                         const std::string& run,
                                                         client::Client& client) {
  auto fleet = absl::WrapUnique(new OwnFleet(options, run, client));
  for (Node& node : fleet->nodes_) ELDR_RETURN_IF_ERROR(fleet->Register(node));
  fleet->thread_ = std::thread([self = fleet.get()] { self->Loop(); });
  return fleet;
}

OwnFleet::OwnFleet(const LoadOptions& options, const std::string& run, client::Client& client)
    : client_(client),
      churn_(options.churn.value_or(absl::InfiniteDuration())),
      choices_(options.seed, kChurnStream),
      nodes_(options.nodes),
      next_beat_(RealClock().Monotonic() + kBeatInterval),
      next_churn_(RealClock().Monotonic() + churn_) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    v1::NodeSpec& spec = *nodes_[i].registration.mutable_node();
    spec.set_node_id(absl::StrCat(run, "-node-", i));
    spec.set_model(options.model);
    spec.set_address(absl::StrCat(run, "-node-", i, ":8000"));
    spec.set_capacity(options.node_capacity);
    spec.mutable_heartbeat_interval()->set_seconds(absl::ToInt64Seconds(kBeatInterval));
  }
}

OwnFleet::~OwnFleet() { Leave().IgnoreError(); }

absl::Status OwnFleet::Leave() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_one();
  if (thread_.joinable()) thread_.join();
  absl::Status first;
  for (Node& node : nodes_) {
    if (node.present) first.Update(Remove(node));
  }
  return first;
}

OwnFleet::Counts OwnFleet::counts() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return counts_;
}

void OwnFleet::Loop() {
  while (true) {
    const absl::Duration wait = Step();
    std::unique_lock<std::mutex> lock(mutex_);
    if (stop_.wait_for(lock, absl::ToChronoNanoseconds(wait), [this] { return stopping_; })) return;
  }
}

absl::Duration OwnFleet::Step() {
  if (RealClock().Monotonic() >= next_beat_) Beat();
  if (RealClock().Monotonic() >= next_churn_) Churn();
  return std::max(std::min(next_beat_, next_churn_) - RealClock().Monotonic(),
                  absl::ZeroDuration());
}

void OwnFleet::Beat() {
  next_beat_ += kBeatInterval;
  for (Node& node : nodes_) {
    if (!node.present) continue;
    v1::HeartbeatRequest request;
    request.set_node_id(node.registration.node().node_id());
    const absl::Status status = client_.Heartbeat(request).status();
    // As a node does: the daemon restarted without its state.
    Count(absl::IsNotFound(status) ? Register(node) : status);
  }
}

void OwnFleet::Churn() {
  next_churn_ += churn_ / 2;
  if (absent_ != nullptr) {
    const absl::Status status = Register(*absent_);
    if (status.ok()) absent_ = nullptr;
    Count(status);
    return;
  }
  Node& leaving = nodes_[choices_.Below(nodes_.size())];
  const absl::Status status = Remove(leaving);
  Count(status);
  if (!status.ok()) return;
  absent_ = &leaving;
  std::lock_guard<std::mutex> lock(mutex_);
  ++counts_.departures;
}

absl::Status OwnFleet::Register(Node& node) {
  v1::NodeSpec& spec = *node.registration.mutable_node();
  spec.set_incarnation(static_cast<std::uint64_t>(absl::ToUnixMillis(RealClock().Wall())));
  ELDR_RETURN_IF_ERROR(client_.RegisterNode(node.registration).status());
  node.present = true;
  v1::HeartbeatRequest first;  // it takes placements from then on
  first.set_node_id(spec.node_id());
  return client_.Heartbeat(first).status();
}

absl::Status OwnFleet::Remove(Node& node) {
  v1::RemoveNodeRequest request;
  request.set_node_id(node.registration.node().node_id());
  ELDR_RETURN_IF_ERROR(client_.RemoveNode(request).status());
  node.present = false;
  return absl::OkStatus();
}

void OwnFleet::Count(const absl::Status& status) {
  if (status.ok()) return;
  std::lock_guard<std::mutex> lock(mutex_);
  ++counts_.failed_calls;
  if (counts_.first_error.empty()) counts_.first_error = std::string(status.message());
}

}  // namespace eldr::loadgen

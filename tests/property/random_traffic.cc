#include "tests/property/random_traffic.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

constexpr absl::string_view kModel = "moe";
constexpr std::uint64_t kNodes = 8;
constexpr std::uint64_t kRequests = 60;

// A few ids, and the pointers to them that queries and reports take.
class IdList {
 public:
  void Add(std::string id) { ids_.insert(std::move(id)); }
  const std::set<std::string>& ids() const { return ids_; }
  absl::Span<const std::string* const> View() {
    pointers_.clear();
    for (const std::string& id : ids_) pointers_.push_back(&id);
    return pointers_;
  }

 private:
  std::set<std::string> ids_;
  std::vector<const std::string*> pointers_;
};

}  // namespace

RandomTraffic::RandomTraffic(const std::string& policy, std::uint64_t seed,
                             std::uint64_t router_seed)
    : rng_(seed) {
  Router::Options options;
  options.seed = router_seed;
  options.lease_ttl = absl::Seconds(30);
  options.signature_ttl = absl::Seconds(8);
  options.confirm_grace = absl::Seconds(3);
  PolicySettings settings;
  settings.policy = policy;
  books_ = std::make_unique<RouterBooks>(geometry_, options, settings.estimate, clock_);
  router_ = Router::Create(options, clock_, *books_).value();
  EXPECT_THAT(router_->DeclareModel({std::string(kModel), geometry_, settings}), IsOk());
}

void RandomTraffic::Step() {
  if (OneIn(100)) SilenceANode();
  const std::uint64_t draw = Below(100);
  if (draw < 28) {
    Place();
  } else if (draw < 44) {
    Push();
  } else if (draw < 53) {
    Release();
  } else if (draw < 59) {
    Renew();
  } else if (draw < 65) {
    Heartbeat();
  } else if (draw < 68) {
    CompleteHeartbeat();
  } else if (draw < 79) {
    HeartbeatAll();
  } else if (draw < 82) {
    Drain();
  } else if (draw < 87) {
    Register();
  } else if (draw < 88) {
    Remove();
  } else {
    PassTime();
  }
  books_->CallDone();
}

std::string RandomTraffic::AnyRequest() { return absl::StrCat("r", Below(kRequests)); }
std::string RandomTraffic::AnyNode() { return absl::StrCat("n", Below(kNodes)); }

TestSignature RandomTraffic::AnySignature() {
  return RandomSignature(geometry_, 1 + static_cast<std::uint32_t>(Below(30)), rng_);
}

void RandomTraffic::Place() {
  router_->Step();  // so that the books know who is left before the choice
  const std::string request_id = AnyRequest();
  const auto held = books_->leases().find(request_id);
  IdList prefer, allow, exclude;
  if (OneIn(4)) prefer.Add(AnyNode());
  if (OneIn(6)) {
    for (int i = 0; i < 4; ++i) allow.Add(AnyNode());
  }
  if (OneIn(4)) exclude.Add(AnyNode());
  if (held != books_->leases().end() && OneIn(3)) exclude.Add(held->second.node_id);

  PlacementQuery query;
  query.model = kModel;
  query.request_id = request_id;
  query.sequences = OneIn(5) ? 1 + static_cast<std::uint32_t>(Below(4)) : 1;
  query.context_tokens = Below(1000);
  query.max_output_tokens = Below(300);
  query.prefer_nodes = prefer.View();
  query.allow_nodes = allow.View();
  query.exclude_nodes = exclude.View();
  if (OneIn(3)) query.lease_ttl = absl::Seconds(1 + static_cast<std::int64_t>(Below(60)));
  TestSignature signature = AnySignature();
  if (OneIn(3)) {
    // Part of a prompt only with a new placement: see RouterSignatureTest for the other case.
    if (held == books_->leases().end() && OneIn(2)) signature.prompt_tokens = 100;
    query.signature = signature.Dense();
  }

  const bool stays = held != books_->leases().end() &&
                     exclude.ids().count(held->second.node_id) == 0 &&
                     (allow.ids().empty() || allow.ids().count(held->second.node_id) > 0);
  const std::set<std::string> eligible = books_->EligibleNodes(query);
  if (!stays && !eligible.empty()) books_->ExpectEnd(LeaseEnd::kMoved, {request_id});
  const auto placement = router_->Place(query);
  if (!stays && eligible.empty()) {
    EXPECT_FALSE(placement.ok());
    if (books_->EverFits(query)) {
      EXPECT_THAT(
          placement.status().code(),
          ::testing::AnyOf(absl::StatusCode::kUnavailable, absl::StatusCode::kResourceExhausted));
    } else {
      EXPECT_EQ(placement.status().code(), absl::StatusCode::kInvalidArgument);
    }
    return;
  }
  ASSERT_THAT(placement, IsOk());
  if (!stays) {
    EXPECT_THAT(eligible, ::testing::Contains(placement->node.node_id));
    for (const PlacedNode& fallback : placement->fallbacks) {
      EXPECT_THAT(eligible, ::testing::Contains(fallback.node_id));
      EXPECT_NE(fallback.node_id, placement->node.node_id);
    }
    EXPECT_EQ(placement->fallbacks.size(), std::min<std::size_t>(3, eligible.size() - 1));
  }
  placements_.push_back(absl::StrCat(request_id, " on ", placement->node.node_id));
  books_->Placed(query, *placement);
}

void RandomTraffic::Push() {
  const std::string request_id = AnyRequest();
  TestSignature signature = AnySignature();
  SignaturePush push;
  push.model = kModel;
  push.request_id = request_id;
  push.append = OneIn(3);
  if (OneIn(2)) signature.prompt_tokens = 60;
  push.signature = OneIn(2) ? signature.Sparse() : signature.Dense();
  if (push.append && OneIn(2)) push.append_at = books_->StoredTokens(request_id);
  const auto result = router_->PushSignature(push);
  if (push.append && result.status().code() == absl::StatusCode::kFailedPrecondition) {
    // It was complete, and is placed: there is nothing to continue.
    EXPECT_EQ(books_->StoredTokens(request_id), 0u);
    EXPECT_TRUE(books_->leases().contains(request_id));
    return;
  }
  ASSERT_THAT(result, IsOk());
  books_->Pushed(push, *result);
}

void RandomTraffic::Release() {
  const std::string request_id = AnyRequest();
  const auto held = books_->leases().find(request_id);
  LeaseRelease release;
  release.lease = {kModel, request_id, 0};
  if (held != books_->leases().end() && OneIn(4)) release.lease.lease_id = held->second.id - 1;
  const bool stale = release.lease.lease_id != 0;
  if (!stale) books_->ExpectEnd(LeaseEnd::kReleased, {request_id});
  const auto outcome = router_->Release(release);
  ASSERT_THAT(outcome, IsOk());
  if (stale) {
    // It may have expired in the meantime.
    EXPECT_EQ(*outcome, books_->leases().contains(request_id) ? LeaseOutcome::kStale
                                                              : LeaseOutcome::kNotHeld);
    return;
  }
  books_->Released(request_id);
}

void RandomTraffic::Renew() {
  const std::string request_id = AnyRequest();
  std::optional<absl::Duration> ttl;
  if (OneIn(2)) ttl = absl::Seconds(1 + static_cast<std::int64_t>(Below(60)));
  const auto renewed = router_->Renew({kModel, request_id, 0}, ttl);
  ASSERT_THAT(renewed, IsOk());
  const auto held = books_->leases().find(request_id);
  ASSERT_EQ(renewed->outcome == LeaseOutcome::kDone, held != books_->leases().end());
  if (renewed->outcome != LeaseOutcome::kDone) return;
  EXPECT_EQ(renewed->lease_ttl, ttl.value_or(held->second.ttl));
  books_->Renewed(request_id, renewed->lease_ttl);
}

void RandomTraffic::Heartbeat() {
  const std::string node_id = AnyNode();
  if (node_id == mute_node_) return;
  IdList running, finished;
  std::set<std::string> ending;
  for (const auto& [request_id, lease] : books_->leases()) {
    // Some that it runs, and some that others run.
    if (lease.node_id == node_id ? OneIn(3) : OneIn(20)) running.Add(request_id);
    if (lease.node_id == node_id ? OneIn(8) : OneIn(40)) {
      finished.Add(request_id);
      if (lease.node_id == node_id) ending.insert(request_id);
    }
  }
  NodeReport report;
  report.node_id = node_id;
  report.running = static_cast<std::uint32_t>(Below(12));
  report.queued = static_cast<std::uint32_t>(Below(4));
  if (OneIn(2)) report.kv_usage = static_cast<double>(Below(101)) / 100;
  report.running_request_ids = running.View();
  report.finished_request_ids = finished.View();
  const bool known = books_->nodes().contains(node_id);
  books_->ExpectEnd(LeaseEnd::kReportedFinished, ending);
  const auto heard = router_->Heartbeat(report);
  ASSERT_EQ(heard.ok(), known) << heard.status();
  if (!known) return;
  EXPECT_EQ(heard->state, NodeState::kReady);
  books_->Heard(report, *heard);
}

void RandomTraffic::CompleteHeartbeat() {
  const std::string node_id = AnyNode();
  if (node_id == mute_node_ || !books_->nodes().contains(node_id)) return;
  router_->Step();  // so that the books know who is left
  if (!books_->nodes().contains(node_id)) return;
  IdList named;
  for (const auto& [request_id, lease] : books_->leases()) {
    // Most that it runs, and a few that others run.
    if (lease.node_id == node_id ? !OneIn(6) : OneIn(30)) named.Add(request_id);
  }
  // A few that may have ended, or were never heard of.
  while (OneIn(2)) named.Add(AnyRequest());
  NodeReport report;
  report.node_id = node_id;
  report.running = static_cast<std::uint32_t>(named.ids().size());
  report.running_request_ids = named.View();
  report.complete_list = true;
  const RouterBooks::Reconciliation expected = books_->ExpectReconciliation(node_id, named.ids());
  const auto heard = router_->Heartbeat(report);
  ASSERT_THAT(heard, IsOk());
  EXPECT_EQ(heard->adopted, expected.adopted.size());
  EXPECT_EQ(heard->unconfirmed, expected.unconfirmed.size());
  EXPECT_EQ(heard->conflicts, expected.conflicts);
  EXPECT_EQ(heard->not_adopted, expected.not_adopted);
  books_->Heard(report, *heard);
}

void RandomTraffic::HeartbeatAll() {
  for (const auto& [node_id, node] : books_->nodes()) {
    if (node.spec.heartbeat_interval == absl::ZeroDuration() || node_id == mute_node_) continue;
    NodeReport report;
    report.node_id = node_id;
    const auto heard = router_->Heartbeat(report);
    ASSERT_THAT(heard, IsOk());
    books_->Heard(report, *heard);
  }
}

void RandomTraffic::SilenceANode() {
  mute_node_ = AnyNode();
  for (int second = 0; second < 12; ++second) {
    clock_.Advance(absl::Seconds(1));
    router_->Step();
    HeartbeatAll();
  }
  mute_node_.clear();
}

void RandomTraffic::Drain() {
  const std::string node_id = AnyNode();
  const bool known = books_->nodes().contains(node_id);
  if (OneIn(3)) {
    EXPECT_EQ(router_->DrainNode(node_id).ok(), known);
  } else {
    EXPECT_EQ(router_->UndrainNode(node_id).ok(), known);
  }
}

void RandomTraffic::Register() {
  const std::uint64_t number = Below(kNodes);
  NodeSpec spec;
  spec.node_id = absl::StrCat("n", number);
  spec.model = std::string(kModel);
  spec.address = "address";
  if (number < 4) spec.expert_group = number < 2 ? "engine a" : "engine b";
  spec.tokens_per_step = number == 3 || number == 7 ? 2 : 1;
  if (number % 3 != 0) spec.heartbeat_interval = absl::Seconds(1);
  if (OneIn(2)) spec.capacity = 1 + static_cast<std::uint32_t>(Below(12));
  if (OneIn(2)) spec.kv_capacity_tokens = 2000 + Below(8000);
  const auto known = books_->nodes().find(spec.node_id);
  if (known != books_->nodes().end()) {
    const bool restarted = OneIn(2);
    spec.incarnation = known->second.spec.incarnation + (restarted ? 1 : 0);
    if (restarted) books_->ExpectEndOfLeasesOn(spec.node_id, LeaseEnd::kNodeRemoved);
  }
  ASSERT_THAT(router_->RegisterNode(spec), IsOk());
  books_->Registered(spec);
}

void RandomTraffic::Remove() {
  const std::string node_id = AnyNode();
  books_->ExpectEndOfLeasesOn(node_id, LeaseEnd::kNodeRemoved);
  const bool known = books_->nodes().contains(node_id);
  const auto removed = router_->RemoveNode(node_id);
  ASSERT_THAT(removed, IsOk());
  EXPECT_EQ(removed->removed, known);
}

void RandomTraffic::PassTime() {
  // Now and then so long that the whole fleet falls silent.
  const std::uint64_t most_ms = OneIn(60) ? 15'000 : 1000;
  clock_.Advance(absl::Milliseconds(static_cast<std::int64_t>(Below(most_ms))));
  router_->Step();
}

void RandomTraffic::ReleaseAll() {
  for (std::uint64_t i = 0; i < kRequests; ++i) {
    const std::string request_id = absl::StrCat("r", i);
    books_->ExpectEnd(LeaseEnd::kReleased, {request_id});
    ASSERT_THAT(router_->Release({{kModel, request_id, 0}, {}, {}}), IsOk());
    books_->Released(request_id);
    books_->CallDone();
  }
}

}  // namespace eldr

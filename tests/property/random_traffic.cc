#include "tests/property/random_traffic.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/route/model_router.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

constexpr std::uint64_t kNodes = 8;

}  // namespace

RandomTraffic::RandomTraffic(const std::string& policy, std::uint64_t seed,
                             std::uint64_t router_seed)
    : rng_(seed) {
  Router::Options options;
  options.seed = router_seed;
  options.lease_ttl = absl::Seconds(30);
  options.signature_ttl = absl::Seconds(8);
  options.confirm_grace = absl::Seconds(3);
  options.forget_lost_after = absl::Seconds(20);
  PolicySettings settings;
  settings.policy = policy;
  books_ = std::make_unique<RouterBooks>(geometry_, options, settings.estimate, clock_);
  router_ = Router::Create(options, clock_, *books_).value();
  const ModelSpec spec = {std::string(kModel), geometry_, settings};
  EXPECT_THAT(router_->DeclareModel(spec), IsOk());
  book_options_ = BookOptions(spec, options);
}

void RandomTraffic::Step() {
  if (OneIn(100)) SilenceANode();
  const std::uint64_t draw = Below(100);
  if (draw < 20) {
    Place();
  } else if (draw < 34) {
    Push();
  } else if (draw < 44) {
    Repeat();
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

void RandomTraffic::Heartbeat() {
  const std::string node_id = AnyNode();
  if (node_id == mute_node_) return;
  router_->Step();  // so that the books know who is left
  IdList running, finished;
  std::set<std::string> named;  // the texts that the report refers to: leases end while it is heard
  NodeReport report;
  for (const auto& [request_id, lease] : books_->leases()) {
    // Some that it runs, and some that others run.
    if (lease.node_id == node_id ? OneIn(3) : OneIn(20)) running.Add(request_id);
    if (lease.node_id == node_id ? OneIn(8) : OneIn(40)) finished.Add(request_id);
    if (OneIn(20)) report.finished.push_back({*named.insert(request_id).first, lease.id});
  }
  // Late news: of leases that ended, whose requests may hold another by now.
  for (const PastCall& past : past_) {
    const auto* const place = std::get_if<PlaceCall>(&past.call);
    if (place == nullptr || !OneIn(30)) continue;
    report.finished.push_back({place->request_id, OneIn(2) ? past.lease_id : 0});
  }
  report.node_id = node_id;
  report.running = static_cast<std::uint32_t>(Below(12));
  report.queued = static_cast<std::uint32_t>(Below(4));
  if (OneIn(2)) report.kv_usage = static_cast<double>(Below(101)) / 100;
  report.running_request_ids = running.View();
  report.finished_request_ids = finished.View();
  router_->Step();  // so that the books know who is left
  const bool known = books_->nodes().contains(node_id);
  if (known) books_->ExpectEnd(LeaseEnd::kReportedFinished, books_->FinishedBy(report));
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
  router_->Step();  // so that the books know who is left
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
  router_->Step();  // so that the books know who is left
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
  router_->Step();  // so that the books know who is left
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
  router_->Step();  // so that the books know who is left
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

}  // namespace eldr

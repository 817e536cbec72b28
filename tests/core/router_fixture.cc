#include "tests/core/router_fixture.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace eldr {

void NotingObserver::Note(std::string line) {
  MutexLock lock(mutex_);
  notes_.push_back(std::move(line));
}

std::vector<std::string> NotingObserver::Take() {
  MutexLock lock(mutex_);
  return std::exchange(notes_, {});
}

void NotingObserver::OnLeaseEnded(absl::string_view, const Lease& lease, LeaseEnd end) {
  Note(absl::StrCat(Name(end), " ", lease.request_id, " on ", lease.node->spec.node_id));
}

void NotingObserver::OnNodeRegistered(const DecodeNode& node) {
  Note(absl::StrCat(node.spec.node_id, " registered"));
}

void NotingObserver::OnNodeState(const DecodeNode& node, NodeState before) {
  Note(absl::StrCat(node.spec.node_id, ": ", Name(before), " -> ", Name(node.state)));
}

void NotingObserver::OnNodeDraining(const DecodeNode& node) {
  Note(absl::StrCat(node.spec.node_id, node.draining ? " draining" : " not draining"));
}

void NotingObserver::OnNodeRemoved(const DecodeNode& node) {
  Note(absl::StrCat(node.spec.node_id, " removed"));
}

void NotingObserver::OnPanicMode(absl::string_view, bool panic) {
  Note(panic ? "panic" : "no panic");
}

void NotingObserver::OnReportNotBelieved(const DecodeNode& node, Disbelief cause,
                                         std::uint64_t count) {
  Note(absl::StrCat(node.spec.node_id, " not believed: ", Name(cause), " ", count));
}

void NotingObserver::OnAddressShared(const DecodeNode& node, const DecodeNode& other) {
  Note(absl::StrCat(node.spec.node_id, " shares the address of ", other.spec.node_id));
}

void NotingObserver::OnSignaturesDropped(absl::string_view, std::size_t expired,
                                         std::size_t evicted) {
  Note(absl::StrCat("signatures: ", expired, " expired, ", evicted, " evicted"));
}

void RouterFixture::Start(const Router::Options& options, const PolicySettings& settings) {
  auto router = Router::Create(options, clock_, observer_);
  ASSERT_THAT(router, IsOk());
  router_ = *std::move(router);
  ASSERT_THAT(router_->DeclareModel({std::string(kModel), geometry_, settings}),
              IsOkAndHolds(true));
}

void RouterFixture::StartWithPolicy(const std::string& policy) {
  PolicySettings settings;
  settings.policy = policy;
  Start({}, settings);
}

NodeSpec RouterFixture::Node(const std::string& id) {
  NodeSpec spec;
  spec.node_id = id;
  spec.model = std::string(kModel);
  spec.address = id + ".example:8000";
  return spec;
}

NodeSpec RouterFixture::HeartbeatingNode(const std::string& id) {
  NodeSpec spec = Node(id);
  spec.heartbeat_interval = absl::Seconds(1);
  return spec;
}

void RouterFixture::RegisterNodes(std::initializer_list<std::string> ids) {
  for (const std::string& id : ids) ASSERT_THAT(router_->RegisterNode(Node(id)), IsOk());
}

void RouterFixture::RegisterAndHear(std::initializer_list<std::string> ids) {
  for (const std::string& id : ids) {
    ASSERT_THAT(router_->RegisterNode(HeartbeatingNode(id)), IsOk());
  }
  Hear(ids);
}

void RouterFixture::Hear(std::initializer_list<std::string> ids) {
  for (const std::string& id : ids) ASSERT_THAT(router_->Heartbeat(Report(id)), IsOk());
}

PlacementQuery RouterFixture::Query(absl::string_view request_id) {
  PlacementQuery query;
  query.model = kModel;
  query.request_id = request_id;
  return query;
}

SignaturePush RouterFixture::Push(absl::string_view request_id, const SignatureData& signature) {
  SignaturePush push;
  push.model = kModel;
  push.request_id = request_id;
  push.signature = signature;
  return push;
}

NodeReport RouterFixture::Report(absl::string_view node_id) {
  NodeReport report;
  report.node_id = node_id;
  return report;
}

LeaseKey RouterFixture::Key(absl::string_view request_id, std::uint64_t lease_id) {
  return {kModel, request_id, lease_id};
}

Placement RouterFixture::MustPlace(const PlacementQuery& query) {
  auto placement = router_->Place(query);
  EXPECT_THAT(placement, IsOk()) << query.request_id;
  return placement.ok() ? *std::move(placement) : Placement{};
}

LeaseOutcome RouterFixture::MustRelease(absl::string_view request_id, std::uint64_t lease_id) {
  const auto outcome = router_->Release({Key(request_id, lease_id), {}, {}});
  EXPECT_THAT(outcome, IsOk());
  return outcome.value_or(LeaseOutcome::kNotHeld);
}

NodeStatus RouterFixture::Status(absl::string_view node_id) {
  const auto nodes = router_->ListNodes(kModel);
  EXPECT_THAT(nodes, IsOk());
  if (nodes.ok()) {
    for (const NodeStatus& node : *nodes) {
      if (node.spec.node_id == node_id) return node;
    }
  }
  ADD_FAILURE() << "no node " << node_id;
  return {};
}

std::vector<float> RouterFixture::Activation(absl::string_view node_id) {
  auto residency = router_->GetResidency(node_id);
  EXPECT_THAT(residency, IsOk());
  return residency.ok() ? std::move(residency->activation) : std::vector<float>{};
}

ModelDescription RouterFixture::Description() {
  auto description = router_->DescribeModel(kModel);
  EXPECT_THAT(description, IsOk());
  return description.ok() ? *std::move(description) : ModelDescription{};
}

}  // namespace eldr

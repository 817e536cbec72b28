// What decisions take from the heap: nothing once the buffers are warm; and what leases and nodes
// hold. Counts, so it is a program of its own.
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/profile/profile.h"
#include "core/route/router.h"
#include "gtest/gtest.h"
#include "tests/core/profile/vectors.h"
#include "tests/core/route/counted_heap.h"
#include "tests/core/test_signature.h"
#include "tests/support/fake_clock.h"

namespace eldr {
namespace {

constexpr absl::string_view kModel = "moe";
constexpr std::size_t kNodes = 16;
constexpr std::size_t kHeld = 32;

class RouterHeapTest : public ::testing::TestWithParam<std::string> {
 protected:
  void Start(const ModelGeometry& geometry, std::size_t nodes, std::size_t receipts) {
    geometry_ = geometry;
    Router::Options options;
    options.receipts = receipts;
    options.seed = 1;
    router_ = Router::Create(options, clock_, observer_).value();
    ModelSpec spec = {std::string(kModel), geometry, {}};
    spec.settings.policy = GetParam();
    if (GetParam() == "locality_band") {
      auto profile = std::make_shared<Profile>();
      profile->transform = CountTransform(geometry.layers, geometry.experts);
      profile->centroids = RandomUnitVectors(nodes, geometry.cells(), 1);
      spec.settings.locality_band.profile = profile;
    }
    router_->DeclareModel(spec).value();
    for (std::size_t i = 0; i < nodes; ++i) {
      NodeSpec node;
      node.node_id = absl::StrCat("decode-node-", i, ".cluster.local");
      node.model = std::string(kModel);
      node.address = absl::StrCat("decode-node-", i, ".cluster.local:8000");
      router_->RegisterNode(node).value();
    }
    for (BackgroundJob& job : router_->TakeBackgroundJobs()) {
      job.Run();  // deals the regions of the locality band out
      job.Publish();
    }
    std::mt19937_64 rng(1);
    for (int i = 0; i < 16; ++i) signatures_.push_back(RandomSignature(geometry, 64, rng));
    for (TestSignature& signature : signatures_) data_.push_back(signature.Dense());
  }

  void Place(const std::string& request_id, bool with_signature) {
    PlacementQuery query;
    query.model = kModel;
    query.request_id = request_id;
    query.prefill_worker = "prefill-worker-0.cluster.local";
    query.context_tokens = 64;
    if (with_signature) query.signature = data_[placed_ % data_.size()];
    const auto placement = router_->Place(query);
    ASSERT_TRUE(placement.ok());
    ASSERT_EQ(placement->fallbacks.size(), 3u);
    ASSERT_EQ(placement->node.node_id.substr(0, 11), "decode-node");
    ++placed_;
  }
  void Release(const std::string& request_id) {
    ASSERT_TRUE(router_->Release({{kModel, request_id, 0}, {}, {}}).ok());
  }

  // Places `rounds` times, releasing the eldest leases beyond `held`; answers how often the heap
  // was asked for memory.
  std::size_t Allocations(std::size_t rounds, std::size_t held, bool with_signature) {
    const std::size_t before = HeapAllocations();
    for (std::size_t i = 0; i < rounds; ++i) {
      for (; placed_ - released_ >= held; ++released_) Release(ids_[released_ % ids_.size()]);
      Place(ids_[placed_ % ids_.size()], with_signature);
      clock_.Advance(absl::Milliseconds(1));
    }
    return HeapAllocations() - before;
  }
  // More leases than are held later, so that no node's list of them grows any more; then as few as
  // later, so that the list of ended ones does not either.
  void WarmUp(bool with_signature) {
    Allocations(20'000, 4 * kHeld, with_signature);
    Allocations(1000, kHeld, with_signature);
  }

  void NameRequests(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      ids_.push_back(absl::StrCat("chatcmpl-8d2f64c0-4b1d-request-", 1'000'000 + i));
    }
  }

  ModelGeometry geometry_;
  FakeClock clock_;
  RouterObserver observer_;
  std::unique_ptr<Router> router_;
  std::vector<TestSignature> signatures_;
  std::vector<SignatureData> data_;
  std::vector<std::string> ids_;
  std::size_t placed_ = 0;
  std::size_t released_ = 0;
};

TEST_P(RouterHeapTest, ADecisionWithASignatureTakesNothingFromTheHeap) {
  Start({4, 32, 4, {}}, kNodes, 100);
  NameRequests(500);
  WarmUp(true);
  EXPECT_EQ(Allocations(2000, kHeld, true), 0u);
}

TEST_P(RouterHeapTest, ADecisionWithoutASignatureTakesNothingFromTheHeap) {
  Start({4, 32, 4, {}}, kNodes, 100);
  NameRequests(500);
  WarmUp(false);
  EXPECT_EQ(Allocations(2000, kHeld, false), 0u);
}

TEST_P(RouterHeapTest, LeasesAndNodesAreSmall) {
  constexpr std::size_t kLeases = 500;
  constexpr std::size_t kKiB = 1024;
  const std::size_t before = HeapBytes();
  Start({48, 128, 8, {}}, kNodes, 0);
  NameRequests(kLeases);
  const std::size_t with_nodes = HeapBytes();
  for (const std::string& id : ids_) Place(id, true);
  const std::size_t lease_bytes = (HeapBytes() - with_nodes) / kLeases;
  // The model, the test's signatures and texts are in it too: what a further node takes shows it.
  RecordProperty("bytes_per_lease", static_cast<int>(lease_bytes));
  EXPECT_LE(lease_bytes, 8 * kKiB);
  EXPECT_GE(lease_bytes, geometry_.cells()) << "what a lease adds to its node is a byte per cell";

  const std::size_t standing = HeapBytes();
  for (std::size_t i = 0; i < kNodes; ++i) {
    NodeSpec node;
    node.node_id = absl::StrCat("late-node-", i, ".cluster.local");
    node.model = std::string(kModel);
    node.address = "address";
    router_->RegisterNode(node).value();
  }
  const std::size_t node_bytes = (HeapBytes() - standing) / kNodes;
  RecordProperty("bytes_per_node", static_cast<int>(node_bytes));
  EXPECT_LE(node_bytes, 64 * kKiB);
  // Both grow evenly, so that a large fleet is a matter of reckoning.
  EXPECT_LE(100'000 * lease_bytes + 1'024 * node_bytes, 1'024 * kKiB * kKiB);
  EXPECT_GT(with_nodes, before);
}

std::string NameOf(const ::testing::TestParamInfo<std::string>& info) { return info.param; }
INSTANTIATE_TEST_SUITE_P(Policies, RouterHeapTest,
                         ::testing::Values("residency", "locality_band", "least_loaded",
                                           "power_of_two", "round_robin", "random"),
                         NameOf);

}  // namespace
}  // namespace eldr

// Many threads on one router: nothing is lost, leaked or torn. Worth most under ThreadSanitizer.
#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/policy/policy_factory.h"
#include "core/route/router.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/test_seed.h"
#include "tests/core/test_signature.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

constexpr int kThreads = 4;
constexpr int kModels = 2;
constexpr int kNodes = 4;

class CountingObserver final : public RouterObserver {
 public:
  void OnLeaseEnded(absl::string_view, const Lease&, LeaseEnd) override { ++ended; }
  std::atomic<int> ended{0};
};

class ConcurrencyTest : public ::testing::Test {
 protected:
  explicit ConcurrencyTest(const PolicySettings& settings = {}) {
    router_ = Router::Create({}, clock_, observer_).value();
    for (int m = 0; m < kModels; ++m) {
      EXPECT_THAT(router_->DeclareModel({Model(m), geometry_, settings}), IsOk());
      for (int n = 0; n < kNodes; ++n) {
        NodeSpec spec;
        spec.node_id = NodeId(m, n);
        spec.model = Model(m);
        spec.address = "address";
        EXPECT_THAT(router_->RegisterNode(spec), IsOk());
      }
    }
  }
  static std::string Model(int m) { return absl::StrCat("model", m); }
  static std::string NodeId(int m, int n) { return absl::StrCat("m", m, "n", n); }

  template <typename Work>
  static void InThreads(const Work& work) {
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) threads.emplace_back([&work, t] { work(t); });
    for (std::thread& thread : threads) thread.join();
  }

  const ModelGeometry geometry_ = {2, 16, 2, {}};
  FakeClock clock_;
  CountingObserver observer_;
  std::unique_ptr<Router> router_;
};

TEST_F(ConcurrencyTest, AfterTheWorkAllCountsAreZero) {
  SCOPED_TRACE(SeedNote());
  constexpr int kRequests = 300;
  std::atomic<int> placed{0};
  std::atomic<bool> done{false};
  // Readers and the passing of time, all the while.
  std::thread watcher([&] {
    while (!done) {
      clock_.Advance(absl::Milliseconds(1));
      router_->Step();
      const auto nodes = router_->ListNodes("");
      EXPECT_EQ(nodes->size(), std::size_t{kModels * kNodes});
      EXPECT_THAT(router_->GetResidency(NodeId(0, 0)), IsOk());
      EXPECT_EQ(router_->ListModels().size(), std::size_t{kModels});
    }
  });
  InThreads([&](int thread) {
    std::mt19937_64 rng(TestSeed() + static_cast<std::uint64_t>(thread));
    for (int i = 0; i < kRequests; ++i) {
      const std::string model = Model(i % kModels);
      const std::string request_id = absl::StrCat("t", thread, "r", i);
      TestSignature signature = RandomSignature(geometry_, 8, rng);
      SignaturePush push;
      push.model = model;
      push.request_id = request_id;
      push.signature = signature.Dense();
      const bool late = i % 3 == 0;
      if (!late) {
        EXPECT_THAT(router_->PushSignature(push), IsOk());
      }
      PlacementQuery query;
      query.model = model;
      query.request_id = request_id;
      const auto placement = router_->Place(query);
      ASSERT_THAT(placement, IsOk());
      ++placed;
      if (late) {
        EXPECT_TRUE(router_->PushSignature(push)->updated_lease);
      }
      EXPECT_EQ(router_->Place(query)->lease_id, placement->lease_id);
      NodeReport report;
      report.node_id = placement->node.node_id;
      report.running = 1;
      EXPECT_THAT(router_->Heartbeat(report), IsOk());
      EXPECT_EQ(router_->Renew({model, request_id, placement->lease_id}, {})->outcome,
                LeaseOutcome::kDone);
      EXPECT_THAT(router_->Explain(model, request_id), IsOk());
      EXPECT_THAT(router_->Release({{model, request_id, 0}, {}, {}}),
                  IsOkAndHolds(LeaseOutcome::kDone));
    }
  });
  done = true;
  watcher.join();
  EXPECT_EQ(placed, kThreads * kRequests);
  EXPECT_EQ(observer_.ended, kThreads * kRequests);
  const auto nodes = router_->ListNodes("");
  for (const NodeStatus& node : *nodes) {
    EXPECT_EQ(node.leases, 0u);
    EXPECT_EQ(node.kv_tokens, 0u);
    EXPECT_EQ(node.expected_experts_per_layer, 0);
  }
  for (const ModelDescription& model : router_->ListModels()) {
    EXPECT_EQ(model.leases, 0u);
    EXPECT_EQ(model.stored_signatures, 0u);
    EXPECT_EQ(model.learned_requests, std::uint64_t{kThreads * kRequests / kModels});
  }
}

TEST_F(ConcurrencyTest, BlocksAreToldAndNamedByAllAtOnce) {
  SCOPED_TRACE(SeedNote());
  constexpr int kRequests = 200;
  InThreads([&](int thread) {
    std::mt19937_64 rng(TestSeed() + static_cast<std::uint64_t>(thread));
    const std::string worker = absl::StrCat("p", thread);
    const std::string model = Model(0);
    for (int i = 0; i < kRequests; ++i) {
      TestSignature signature = RandomSignature(geometry_, 8, rng);
      const std::string hash = absl::StrCat("block", i);
      BlockUpdate update;
      update.model = model;
      update.prefill_worker = worker;
      update.stored.push_back({hash, signature.Dense()});
      EXPECT_EQ(router_->UpdateBlocks(update)->blocks, 1u);

      const std::string request_id = absl::StrCat("t", thread, "r", i);
      PlacementQuery query;
      query.model = model;
      query.request_id = request_id;
      query.prefill_worker = worker;
      query.blocks = PromptBlocks{{hash, "unknown"}, 16};
      const auto placement = router_->Place(query);
      ASSERT_THAT(placement, IsOk());
      EXPECT_EQ(placement->signature_coverage, 0.5);
      EXPECT_THAT(router_->Release({{model, request_id, 0}, {}, {}}),
                  IsOkAndHolds(LeaseOutcome::kDone));
      update.stored.clear();
      update.cleared = true;
      EXPECT_EQ(router_->UpdateBlocks(update)->blocks, 0u);
      EXPECT_THAT(router_->DescribeModel(model), IsOk());
    }
  });
  const auto model = router_->DescribeModel(Model(0));
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->stored_blocks, 0u);
  EXPECT_EQ(model->stored_block_bytes, 0u);
  EXPECT_EQ(model->blocks.hits, std::uint64_t{kThreads * kRequests});
  EXPECT_EQ(model->blocks.misses, std::uint64_t{kThreads * kRequests});
  EXPECT_EQ(model->blocks.partial, std::uint64_t{kThreads * kRequests});
  EXPECT_EQ(model->leases, 0u);
}

TEST_F(ConcurrencyTest, ThreadsThatPlaceOneRequestGetOneLease) {
  std::vector<std::uint64_t> lease_ids(kThreads);
  for (int i = 0; i < 100; ++i) {
    const std::string request_id = absl::StrCat("r", i);
    InThreads([&](int thread) {
      PlacementQuery query;
      const std::string model = Model(0);
      query.model = model;
      query.request_id = request_id;
      lease_ids[static_cast<std::size_t>(thread)] = router_->Place(query)->lease_id;
    });
    EXPECT_THAT(lease_ids, ::testing::Each(lease_ids[0]));
  }
  EXPECT_EQ(router_->DescribeModel(Model(0))->leases, 100u);
}

std::vector<std::string> Policies() {
  std::vector<std::string> names;
  for (const absl::string_view name : PolicyNames()) names.emplace_back(name);
  return names;
}

// With each policy, since some have work done beside the lock.
class ConcurrentPolicyTest : public ConcurrencyTest,
                             public ::testing::WithParamInterface<std::string> {
 protected:
  ConcurrentPolicyTest() : ConcurrencyTest(Settings()) {}

 private:
  static PolicySettings Settings() {
    PolicySettings settings;
    settings.policy = GetParam();
    return settings;
  }
};

INSTANTIATE_TEST_SUITE_P(Policies, ConcurrentPolicyTest, ::testing::ValuesIn(Policies()),
                         [](const auto& param) { return param.param; });

TEST_P(ConcurrentPolicyTest, NodesComeAndGoWhileRequestsArePlaced) {
  std::atomic<int> placed{0};
  InThreads([&](int thread) {
    const std::string model = Model(0);
    for (int i = 0; i < 1000; ++i) {
      if (thread == 1) {
        for (BackgroundJob& job : router_->TakeBackgroundJobs()) {
          job.Run();
          job.Publish();
        }
        continue;
      }
      if (thread == 0) {
        // One node stays.
        const std::string node_id = NodeId(0, 1 + i % (kNodes - 1));
        EXPECT_THAT(router_->RemoveNode(node_id), IsOk());
        NodeSpec spec;
        spec.node_id = node_id;
        spec.model = model;
        spec.address = "address";
        EXPECT_THAT(router_->RegisterNode(spec), IsOk());
        EXPECT_THAT(router_->DrainNode(node_id), IsOk());
        EXPECT_THAT(router_->UndrainNode(node_id), IsOk());
        continue;
      }
      const std::string request_id = absl::StrCat("t", thread, "r", i);
      PlacementQuery query;
      query.model = model;
      query.request_id = request_id;
      ASSERT_THAT(router_->Place(query), IsOk());
      ++placed;
      // Its node may have gone with its lease.
      EXPECT_THAT(router_->Release({{model, request_id, 0}, {}, {}}), IsOk());
    }
  });
  EXPECT_EQ(observer_.ended, placed);
  EXPECT_EQ(router_->DescribeModel(Model(0))->leases, 0u);
}

TEST_F(ConcurrencyTest, AWaitIsCalledOnceOrCancelled) {
  SCOPED_TRACE(SeedNote());
  std::atomic<int> called{0}, cancelled{0}, waiting{0};
  InThreads([&](int thread) {
    std::mt19937_64 rng(TestSeed() + static_cast<std::uint64_t>(thread));
    const std::string model = Model(0);
    for (int i = 0; i < 500; ++i) {
      const std::string request_id = absl::StrCat("r", i);
      if (thread % 2 == 0) {
        const std::uint64_t id = router_->AwaitSignature(model, request_id, [&] { ++called; });
        if (id == 0) continue;
        ++waiting;
        if (rng() % 2 == 0) cancelled += router_->CancelWait(model, id) ? 1 : 0;
      } else {
        TestSignature signature = SteadySignature(geometry_, 3);
        SignaturePush push;
        push.model = model;
        push.request_id = request_id;
        push.signature = signature.Dense();
        EXPECT_THAT(router_->PushSignature(push), IsOk());
      }
    }
  });
  // Whoever came after the last push of its request still waits.
  for (int i = 0; i < 500; ++i) {
    const std::string model = Model(0), request_id = absl::StrCat("r", i);
    TestSignature signature = SteadySignature(geometry_, 3);
    SignaturePush push;
    push.model = model;
    push.request_id = request_id;
    push.signature = signature.Dense();
    EXPECT_THAT(router_->PushSignature(push), IsOk());
  }
  EXPECT_EQ(called + cancelled, waiting);
}

}  // namespace
}  // namespace eldr

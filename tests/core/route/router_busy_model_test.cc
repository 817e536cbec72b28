// A model that is busy holds up none but its own calls.
#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/route/router.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

// Holds the lock of the model "busy" from the registration of its node on until Let().
class BlockingObserver final : public RouterObserver {
 public:
  void OnNodeRegistered(const DecodeNode& node) override {
    if (node.spec.model != "busy") return;
    entered_.set_value();
    let_.get_future().wait();
  }
  void AwaitEntry() { entered_.get_future().wait(); }
  void Let() { let_.set_value(); }

 private:
  std::promise<void> entered_, let_;
};

class RouterBusyModelTest : public ::testing::Test {
 protected:
  RouterBusyModelTest() {
    for (const char* model : {"busy", "idle"}) {
      EXPECT_THAT(router_->DeclareModel({model, geometry_, {}}), IsOk());
    }
    EXPECT_THAT(router_->RegisterNode(Node("idle", "i0")), IsOk());
  }
  static NodeSpec Node(const std::string& model, const std::string& id) {
    NodeSpec spec;
    spec.node_id = id;
    spec.model = model;
    spec.address = "address";
    return spec;
  }
  // Every kind of call on the model that is not busy.
  void UseTheIdleModel() {
    PlacementQuery query;
    query.model = "idle";
    query.request_id = "r";
    EXPECT_THAT(router_->Place(query), IsOk());
    EXPECT_THAT(router_->Renew({"idle", "r", 0}, {}), IsOk());
    EXPECT_THAT(router_->RegisterNode(Node("idle", "i1")), IsOk());
    NodeReport report;
    report.node_id = "i1";
    EXPECT_THAT(router_->Heartbeat(report), IsOk());
    EXPECT_THAT(router_->DrainNode("i1"), IsOk());
    EXPECT_THAT(router_->GetResidency("i1"), IsOk());
    EXPECT_THAT(router_->RemoveNode("i1"), IsOk());
    EXPECT_THAT(router_->RemoveNode("unknown"), IsOk());
    EXPECT_THAT(router_->ListNodes("idle"), IsOk());
    EXPECT_THAT(router_->DescribeModel("idle"), IsOk());
    EXPECT_THAT(router_->Release({{"idle", "r", 0}, {}, {}}), IsOk());
    EXPECT_THAT(router_->DeclareModel({"new", geometry_, {}}), IsOk());
    EXPECT_THAT(router_->RegisterNode(Node("unknown", "u")), StatusIs(absl::StatusCode::kNotFound));
  }

  const ModelGeometry geometry_ = {2, 8, 2, {}};
  FakeClock clock_;
  BlockingObserver observer_;
  std::unique_ptr<Router> router_ = Router::Create({}, clock_, observer_).value();
};

TEST_F(RouterBusyModelTest, OthersDoNotWaitForIt) {
  std::thread registers([&] { EXPECT_THAT(router_->RegisterNode(Node("busy", "b0")), IsOk()); });
  observer_.AwaitEntry();
  // More that wait for the busy model, in the middle of their own steps.
  std::vector<std::thread> waiting;
  for (const char* id : {"b1", "b2"}) {
    waiting.emplace_back([this, id] { EXPECT_THAT(router_->RemoveNode(id), IsOk()); });
  }
  waiting.emplace_back([this] { EXPECT_THAT(router_->DescribeModel("busy"), IsOk()); });
  waiting.emplace_back([this] {
    EXPECT_THAT(router_->RegisterNode(Node("idle", "b0")),
                StatusIs(absl::StatusCode::kAlreadyExists));
  });
  std::future<void> used = std::async(std::launch::async, [&] { UseTheIdleModel(); });
  const bool done = used.wait_for(std::chrono::seconds(20)) == std::future_status::ready;
  observer_.Let();
  EXPECT_TRUE(done) << "calls on the idle model waited for the busy one";
  registers.join();
  for (std::thread& thread : waiting) thread.join();
}

TEST_F(RouterBusyModelTest, AnIdIsOfOneModelHoweverManyRegisterItAtOnce) {
  observer_.Let();
  ASSERT_THAT(router_->DeclareModel({"other", geometry_, {}}), IsOk());
  for (int round = 0; round < 200; ++round) {
    const std::string id = absl::StrCat("n", round);
    std::atomic<int> taken{0};
    std::vector<std::thread> threads;
    for (const char* model : {"idle", "other"}) {
      threads.emplace_back([&, model] { taken += router_->RegisterNode(Node(model, id)).ok(); });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(taken, 1) << id;
    EXPECT_THAT(router_->GetResidency(id), IsOk());
  }
  EXPECT_EQ(router_->ListNodes("")->size(), 201u);
}

// Whoever is last decides: a node that the model has is known by its id, and the other way round.
TEST_F(RouterBusyModelTest, RegistrationsAndRemovalsOfOneIdLeaveNothingHalfDone) {
  observer_.Let();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 500; ++i) {
        if ((i + t) % 2 == 0) {
          EXPECT_THAT(router_->RegisterNode(Node("idle", "x")), IsOk());
        } else {
          EXPECT_THAT(router_->RemoveNode("x"), IsOk());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const bool listed = router_->ListNodes("idle")->size() == 2;
  EXPECT_EQ(router_->GetResidency("x").ok(), listed);
  EXPECT_EQ(router_->RemoveNode("x")->removed, listed);
}

}  // namespace
}  // namespace eldr

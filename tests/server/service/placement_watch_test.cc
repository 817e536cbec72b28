// WatchPlacements: told of each placement, at its own pace, until the end.
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/server/daemon_fixture.h"
#include "tests/server/in_process_service.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;

class PlacementWatchTest : public DaemonTest {
 protected:
  void SetUp() override {
    StartDaemon();
    DeclareTestModel();
    RegisterTestNode("a");
    RegisterTestNode("b");
    StartWatcher();
  }

  void StartWatcher() {
    // A connection of its own: what is not read of a stream holds up all that shares its
    // connection.
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    watcher_ = v1::PlacementService::NewStub(
        grpc::CreateCustomChannel(grpc_target(), grpc::InsecureChannelCredentials(), arguments));
  }

  std::unique_ptr<grpc::ClientReader<v1::WatchPlacementsResponse>> Watch(
      grpc::ClientContext& context, const std::string& node_id = "") {
    v1::WatchPlacementsRequest request;
    request.set_model(kModel);
    request.set_node_id(node_id);
    auto reader = watcher_->WatchPlacements(&context, request);
    reader->WaitForInitialMetadata();  // sent before it is added to the feed
    return reader;
  }
  std::unique_ptr<v1::PlacementService::Stub> watcher_;

  // Placements reach a watcher once it is in the feed: places until one does.
  void PlaceUntilTold(grpc::ClientReader<v1::WatchPlacementsResponse>& reader,
                      v1::WatchPlacementsResponse* told) {
    std::atomic<bool> done{false};
    std::thread placing([&] {
      for (int i = 0; !done.load() && i < 100'000; ++i) {
        ASSERT_THAT(FromGrpc(Place(absl::StrCat("warm", i))), IsOk());
      }
    });
    EXPECT_TRUE(reader.Read(told));
    done.store(true);
    placing.join();
  }
};

TEST_F(PlacementWatchTest, TellsOfPlacementsAndNotOfRenewals) {
  grpc::ClientContext context;
  const auto reader = Watch(context);
  v1::WatchPlacementsResponse told;
  PlaceUntilTold(*reader, &told);
  EXPECT_EQ(told.model(), kModel);
  EXPECT_THAT(told.request_id(), ::testing::StartsWith("warm"));
  EXPECT_EQ(told.placement().candidates_size(), 2);
  EXPECT_TRUE(told.placement().parameters().empty());

  ASSERT_THAT(FromGrpc(Place("once")), IsOk());
  ASSERT_THAT(FromGrpc(Place("once")), IsOk());
  ASSERT_THAT(FromGrpc(Place("last")), IsOk());
  std::vector<std::string> ids;
  while (ids.empty() || ids.back() != "last") {
    ASSERT_TRUE(reader->Read(&told));
    if (!absl::StartsWith(told.request_id(), "warm")) ids.push_back(told.request_id());
  }
  EXPECT_THAT(ids, ElementsAre("once", "last"));
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(Eventually([&] { return Metric("eldr_calls_in_flight") == 0; }));
}

TEST_F(PlacementWatchTest, ANodeIsWatchedAlone) {
  grpc::ClientContext context;
  const auto reader = Watch(context, "b");
  v1::WatchPlacementsResponse told;
  PlaceUntilTold(*reader, &told);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(told.placement().node_id(), "b");
    ASSERT_THAT(FromGrpc(Place(absl::StrCat("more", i))), IsOk());
    if (told.request_id() == "more18") break;
    if (i % 2 == 1) {
      ASSERT_TRUE(reader->Read(&told));
    }
  }
  context.TryCancel();
}

TEST_F(PlacementWatchTest, WhatCanNeverBeToldIsNotFound) {
  v1::DeclareModelRequest other;
  other.set_name("other");
  other.mutable_geometry()->set_layers(1);
  other.mutable_geometry()->set_experts(4);
  other.mutable_geometry()->set_top_k(1);
  grpc::ClientContext declare_context;
  v1::DeclareModelResponse declared;
  ASSERT_THAT(FromGrpc(models_->DeclareModel(&declare_context, other, &declared)), IsOk());
  struct Bad {
    const char* model;
    const char* node_id;
    const char* message;
  };
  for (const Bad& bad :
       {Bad{"typo", "", "model: \"typo\" is not declared"}, Bad{"othr", "", "(near it: \"other\")"},
        Bad{"", "typo", "node_id: \"typo\" is not registered"},
        Bad{"other", "a", "node_id: \"a\" is registered for model \"m\""}}) {
    v1::WatchPlacementsRequest request;
    request.set_model(bad.model);
    request.set_node_id(bad.node_id);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    const auto reader = watcher_->WatchPlacements(&context, request);
    v1::WatchPlacementsResponse told;
    EXPECT_FALSE(reader->Read(&told));
    EXPECT_THAT(FromGrpc(reader->Finish()),
                StatusIs(absl::StatusCode::kNotFound, ::testing::HasSubstr(bad.message)));
  }
  EXPECT_TRUE(Eventually([&] { return Metric("eldr_calls_in_flight") == 0; }));
}

TEST_F(PlacementWatchTest, ASlowReaderMissesSomeAndHoldsNobodyUp) {
  // Sixteen candidates make a message of over a kilobyte.
  for (int i = 0; i < 16; ++i) RegisterTestNode(absl::StrCat("n", i));
  grpc::ClientContext context;
  const auto reader = Watch(context);
  v1::WatchPlacementsResponse told;
  PlaceUntilTold(*reader, &told);
  // More megabytes than the queue and the windows of HTTP/2 hold, with nobody reading.
  for (int i = 0; i < 10'000; ++i) ASSERT_THAT(FromGrpc(Place(absl::StrCat("r", i))), IsOk());
  // What it missed is told with the next placement that it has room for, so there are some.
  std::atomic<bool> read_enough{false};
  std::thread placer([&] {
    for (int i = 0; !read_enough.load(); ++i) Place(absl::StrCat("s", i));
  });
  std::uint64_t missed = 0;
  while (missed == 0 && reader->Read(&told)) missed += told.missed();
  read_enough.store(true);
  placer.join();
  EXPECT_GT(missed, 0u);
  EXPECT_GE(Metric("eldr_watch_missed_total"), static_cast<double>(missed));
  context.TryCancel();
}

TEST_F(PlacementWatchTest, EndsWhenTheDaemonStops) {
  grpc::ClientContext context;
  const auto reader = Watch(context);
  v1::WatchPlacementsResponse told;
  PlaceUntilTold(*reader, &told);
  daemon_->Stop();
  while (reader->Read(&told)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

// Keeps what it was told last.
class IdleWatcher final : public PlacementWatcher {
 public:
  bool Wants(absl::string_view, absl::string_view) const override { return true; }
  bool Hold() override { return true; }
  void Tell(const std::shared_ptr<const v1::WatchPlacementsResponse>& told) override {
    told_ = told;
  }
  void Let() override {}
  const v1::WatchPlacementsResponse* told() const { return told_.get(); }

 private:
  std::shared_ptr<const v1::WatchPlacementsResponse> told_;
};

// Each of a thousand that do not read may fall behind by hundreds of placements.
TEST(PlacementFeedTest, APlacementIsInMemoryOnceHoweverManyWatch) {
  InProcessService service;
  PlacementFeed& feed = service.context().feed;
  IdleWatcher first, second;
  feed.Add(&first);
  feed.Add(&second);
  PlacementQuery query;
  query.model = "m";
  query.request_id = "r";
  const auto placement = service.router().Place(query);
  ASSERT_THAT(placement, IsOk());
  feed.Publish("m", "r", *placement);
  ASSERT_NE(first.told(), nullptr);
  EXPECT_EQ(first.told()->request_id(), "r");
  EXPECT_EQ(first.told(), second.told());
  feed.Remove(&first);
  feed.Remove(&second);
}

// Told without a pause, and cancelled at any moment of it.
TEST(PlacementWatchLifeTest, AWatcherMayLeaveWhileItIsTold) {
  InProcessService service;
  PlacementQuery query;
  query.model = "m";
  query.request_id = "r";
  const auto placement = service.router().Place(query);
  ASSERT_THAT(placement, IsOk());
  std::atomic<bool> done{false};
  std::thread placing([&] {
    while (!done) service.context().feed.Publish("m", "r", *placement);
  });
  const auto stub = v1::PlacementService::NewStub(service.NewChannel());
  for (int i = 0; i < 300; ++i) {
    grpc::ClientContext context;
    const auto reader = stub->WatchPlacements(&context, v1::WatchPlacementsRequest());
    v1::WatchPlacementsResponse told;
    EXPECT_TRUE(reader->Read(&told));
    context.TryCancel();
    EXPECT_THAT(FromGrpc(reader->Finish()), StatusIs(absl::StatusCode::kCancelled));
  }
  EXPECT_TRUE(Eventually([&] { return service.calls().in_flight() == 0; }));
  done = true;
  placing.join();
}

}  // namespace
}  // namespace eldr

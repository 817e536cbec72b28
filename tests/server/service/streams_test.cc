#include <set>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/server/daemon_fixture.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;
using Code = absl::StatusCode;

class StreamsTest : public DaemonTest {
 protected:
  void SetUp() override {
    StartDaemon();
    DeclareTestModel();
    RegisterTestNode("a");
  }
  static v1::StreamPlacementsRequest Query(std::uint64_t id, absl::Duration wait = {}) {
    v1::StreamPlacementsRequest request;
    request.set_id(id);
    *request.mutable_place() = TestQuery(absl::StrCat("r", id));
    request.mutable_place()->mutable_signature_wait()->set_nanos(
        static_cast<std::int32_t>(absl::ToInt64Nanoseconds(wait)));
    return request;
  }
};

TEST_F(StreamsTest, SignaturesAreAcknowledgedInOrderAndARefusalDoesNotEndTheStream) {
  grpc::ClientContext context;
  const auto stream = placement_->StreamSignatures(&context);
  for (std::uint64_t id = 1; id <= 3; ++id) {
    v1::StreamSignaturesRequest request;
    request.set_id(id);
    *request.mutable_push() = TestPush(id == 2 ? "" : absl::StrCat("r", id));
    ASSERT_TRUE(stream->Write(request));
  }
  stream->WritesDone();
  v1::StreamSignaturesResponse response;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.id(), id);
    EXPECT_EQ(response.has_stored(), id != 2);
  }
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_THAT(FromGrpc(stream->Finish()), IsOk());
  EXPECT_EQ(Describe().stored_signatures(), 2u);
  EXPECT_EQ(Metric(R"(eldr_calls_total{call="StreamSignatures",outcome="ok"})"), 2);
  EXPECT_EQ(Metric(R"(eldr_calls_total{call="StreamSignatures",outcome="invalid_argument"})"), 1);
}

TEST_F(StreamsTest, HeartbeatsOfManyNodesShareAStream) {
  grpc::ClientContext context;
  const auto stream = fleet_->StreamHeartbeats(&context);
  v1::StreamHeartbeatsRequest request;
  v1::StreamHeartbeatsResponse response;
  request.set_id(1);
  request.mutable_heartbeat()->set_node_id("nobody");
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.id(), 1u);
  EXPECT_EQ(response.error().code(), static_cast<int>(Code::kNotFound));
  EXPECT_THAT(response.error().message(), HasSubstr("register again"));
  request.set_id(2);
  request.mutable_heartbeat()->set_node_id("a");
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.taken().state(), v1::NODE_STATE_READY);
  stream->WritesDone();
  EXPECT_THAT(FromGrpc(stream->Finish()), IsOk());
}

TEST_F(StreamsTest, AQueryThatWaitsLetsOthersPass) {
  grpc::ClientContext context;
  const auto stream = placement_->StreamPlacements(&context);
  ASSERT_TRUE(stream->Write(Query(1, absl::Milliseconds(50))));
  ASSERT_TRUE(stream->Write(Query(2)));
  stream->WritesDone();
  v1::StreamPlacementsResponse response;
  std::multiset<std::uint64_t> answered;
  while (stream->Read(&response)) {
    EXPECT_TRUE(response.has_placed());
    answered.insert(response.id());
  }
  EXPECT_EQ(answered, (std::multiset<std::uint64_t>{1, 2})) << "half close waits for the waiting";
  EXPECT_THAT(FromGrpc(stream->Finish()), IsOk());
}

TEST_F(StreamsTest, RefusedQueriesAreAnsweredWithTheirError) {
  grpc::ClientContext context;
  const auto stream = placement_->StreamPlacements(&context);
  v1::StreamPlacementsRequest bad = Query(1, absl::Milliseconds(60));
  ASSERT_TRUE(stream->Write(bad));
  v1::StreamPlacementsResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.error().code(), static_cast<int>(Code::kInvalidArgument));
  EXPECT_THAT(response.error().message(), HasSubstr("signature_wait: got 60ms"));
  ASSERT_TRUE(stream->Write(Query(2)));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.placed().node().node_id(), "a");
  stream->WritesDone();
  EXPECT_THAT(FromGrpc(stream->Finish()), IsOk());
}

// Far more than the stream keeps outstanding, from a client that reads only now and then.
TEST_F(StreamsTest, PipelinedQueriesAreAllAnswered) {
  constexpr std::uint64_t kQueries = 5000;
  grpc::ClientContext context;
  const auto stream = placement_->StreamPlacements(&context);
  std::thread writer([&] {
    for (std::uint64_t id = 1; id <= kQueries; ++id) {
      const auto wait = id % 7 == 0 ? absl::Milliseconds(1) : absl::ZeroDuration();
      if (!stream->Write(Query(id, wait))) break;
    }
    stream->WritesDone();
  });
  std::set<std::uint64_t> answered;
  v1::StreamPlacementsResponse response;
  while (stream->Read(&response)) {
    EXPECT_TRUE(response.has_placed());
    EXPECT_TRUE(answered.insert(response.id()).second) << response.id();
  }
  writer.join();
  EXPECT_THAT(FromGrpc(stream->Finish()), IsOk());
  EXPECT_EQ(answered.size(), kQueries);
  EXPECT_EQ(Describe().leases(), kQueries);
}

TEST_F(StreamsTest, AClientThatDoesNotReadIsNotReadFrom) {
  grpc::ClientContext context;
  const auto stream = placement_->StreamSignatures(&context);
  // The acknowledgements fill the connection's window, then the queue, then reading stops.
  std::atomic<int> written{0};
  std::thread writer([&] {
    v1::StreamSignaturesRequest request;
    *request.mutable_push() = TestPush("");
    // A refusal that repeats much of what was sent: answers are as large as requests.
    while (written < 1'000'000 && stream->Write(request)) ++written;
  });
  const auto stalls = [&] {
    const int before = written;
    const absl::Time look_again = absl::Now() + absl::Milliseconds(300);
    while (written == before) {
      if (absl::Now() > look_again) return true;
      std::this_thread::yield();
    }
    return false;
  };
  EXPECT_TRUE(Eventually(stalls));
  context.TryCancel();
  writer.join();
  v1::StreamSignaturesResponse response;
  while (stream->Read(&response)) {
  }
  EXPECT_THAT(FromGrpc(stream->Finish()), StatusIs(Code::kCancelled));
}

TEST_F(StreamsTest, ACancelledStreamPlacesNothingMore) {
  grpc::ClientContext context;
  const auto stream = placement_->StreamPlacements(&context);
  ASSERT_TRUE(stream->Write(Query(1)));
  v1::StreamPlacementsResponse response;
  ASSERT_TRUE(stream->Read(&response));
  for (std::uint64_t id = 2; id < 50; ++id) {
    ASSERT_TRUE(stream->Write(Query(id, absl::Milliseconds(50))));
  }
  context.TryCancel();
  EXPECT_THAT(FromGrpc(stream->Finish()), StatusIs(Code::kCancelled));
  // The daemon forgets the stream; what was placed before the cancellation came keeps its lease.
  daemon_->Stop();
}

TEST_F(StreamsTest, OpenStreamsEndWithUnavailableWhenTheDaemonStops) {
  grpc::ClientContext signature_context;
  const auto signatures = placement_->StreamSignatures(&signature_context);
  grpc::ClientContext placement_context;
  const auto placements = placement_->StreamPlacements(&placement_context);
  grpc::ClientContext heartbeat_context;
  const auto heartbeats = fleet_->StreamHeartbeats(&heartbeat_context);
  // One answer each, so that all are open.
  v1::StreamSignaturesRequest push;
  *push.mutable_push() = TestPush("r");
  v1::StreamSignaturesResponse pushed;
  ASSERT_TRUE(signatures->Write(push) && signatures->Read(&pushed));
  v1::StreamPlacementsResponse placed;
  ASSERT_TRUE(placements->Write(Query(1)) && placements->Read(&placed));
  v1::StreamHeartbeatsResponse taken;
  ASSERT_TRUE(heartbeats->Write({}) && heartbeats->Read(&taken));

  // Answered before the stream ends: it was read before the daemon stopped, or never.
  daemon_->Stop();
  EXPECT_THAT(FromGrpc(signatures->Finish()),
              StatusIs(Code::kUnavailable, HasSubstr("shutting down")));
  EXPECT_THAT(FromGrpc(placements->Finish()),
              StatusIs(Code::kUnavailable, HasSubstr("shutting down")));
  EXPECT_THAT(FromGrpc(heartbeats->Finish()),
              StatusIs(Code::kUnavailable, HasSubstr("shutting down")));
}

}  // namespace
}  // namespace eldr

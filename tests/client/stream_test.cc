#include "eldr/client/stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "eldr/client/client.h"
#include "tests/client/fake_daemon.h"
#include "tests/support/status_matchers.h"

namespace eldr::client {
namespace {

using ::testing::HasSubstr;

class StreamTest : public ::testing::Test {
 protected:
  StreamTest() {
    auto client = Client::Create({.target = daemon_.target()});
    EXPECT_THAT(client, IsOk());
    client_ = *std::move(client);
    // Places everything but "bad" on a node named like the request.
    daemon_.placement.place.set_answer(
        [](const v1::PlaceRequest& request, v1::PlaceResponse* response) {
          response->mutable_node()->set_node_id(request.request_id());
          return request.request_id() == "bad"
                     ? grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "bad id")
                     : grpc::Status::OK;
        });
  }

  static v1::PlaceRequest Place(const std::string& id) {
    v1::PlaceRequest request;
    request.set_request_id(id);
    return request;
  }

  FakeDaemon daemon_;
  std::unique_ptr<Client> client_;
};

TEST_F(StreamTest, NumbersRequestsAndMatchesReplies) {
  auto stream = client_->StreamPlacements();
  EXPECT_THAT(stream->Send(Place("a")), IsOkAndHolds(1u));
  EXPECT_THAT(stream->Send(Place("b")), IsOkAndHolds(2u));
  for (const auto& [id, node] : {std::pair(1u, "a"), std::pair(2u, "b")}) {
    const auto reply = stream->Receive();
    ASSERT_THAT(reply, IsOk());
    ASSERT_TRUE(reply->has_value());
    EXPECT_EQ((*reply)->id, id);
    ASSERT_THAT((*reply)->result, IsOk());
    EXPECT_EQ((*reply)->result->node().node_id(), node);
  }
  EXPECT_THAT(stream->Finish(), IsOk());
}

TEST_F(StreamTest, ARefusedRequestDoesNotEndTheStream) {
  auto stream = client_->StreamPlacements();
  EXPECT_THAT(stream->Send(Place("bad")), IsOk());
  EXPECT_THAT(stream->Send(Place("good")), IsOk());
  const auto bad = stream->Receive();
  ASSERT_THAT(bad, IsOk());
  EXPECT_THAT(bad->value().result, StatusIs(absl::StatusCode::kInvalidArgument, "bad id"));
  const auto good = stream->Receive();
  ASSERT_THAT(good, IsOk());
  EXPECT_THAT(good->value().result, IsOk());
}

TEST_F(StreamTest, EndsAfterTheLastReplyOnceSendingIsClosed) {
  auto stream = client_->StreamPlacements();
  EXPECT_THAT(stream->Send(Place("a")), IsOk());
  stream->CloseSend();
  EXPECT_THAT(stream->Send(Place("b")), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(stream->Receive().value().has_value());
  EXPECT_FALSE(stream->Receive().value().has_value());
  EXPECT_FALSE(stream->Receive().value().has_value());  // and stays ended
}

TEST_F(StreamTest, TellsHowTheStreamBroke) {
  daemon_.placement.stream_end = grpc::Status(grpc::StatusCode::UNAVAILABLE, "shutting down");
  auto stream = client_->StreamPlacements();
  EXPECT_THAT(stream->Finish(), StatusIs(absl::StatusCode::kUnavailable, "shutting down"));
}

TEST_F(StreamTest, CancelWakesAReceiver) {
  auto stream = client_->StreamPlacements();
  std::thread receiver(
      [&stream] { EXPECT_THAT(stream->Receive(), StatusIs(absl::StatusCode::kCancelled)); });
  stream->Cancel();
  receiver.join();
}

TEST_F(StreamTest, AStreamOutlivesItsClient) {
  auto stream = client_->StreamPlacements();
  client_.reset();
  EXPECT_THAT(stream->Send(Place("a")), IsOk());
  EXPECT_THAT(stream->Receive().value()->result, IsOk());
}

TEST_F(StreamTest, SignaturesAndHeartbeatsGoTheSameWay) {
  daemon_.placement.push_signature.set_answer(
      [](const v1::PushSignatureRequest& request, v1::PushSignatureResponse* response) {
        response->set_tokens(request.signature().tokens());
        return grpc::Status::OK;
      });
  v1::PushSignatureRequest push;
  push.mutable_signature()->set_tokens(64);
  auto signatures = client_->StreamSignatures();
  EXPECT_THAT(signatures->Send(push), IsOk());
  EXPECT_EQ(signatures->Receive().value()->result->tokens(), 64u);

  daemon_.fleet.heartbeat.set_answer([](const v1::HeartbeatRequest&, v1::HeartbeatResponse*) {
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "register again");
  });
  auto heartbeats = client_->StreamHeartbeats();
  EXPECT_THAT(heartbeats->Send({}), IsOk());
  EXPECT_THAT(heartbeats->Receive().value()->result,
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("register again")));
}

}  // namespace
}  // namespace eldr::client

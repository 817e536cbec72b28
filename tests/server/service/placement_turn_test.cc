// Placements of every kind take their turn: unary, waiting for a signature, and on streams.
#include <grpcpp/client_context.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "eldr/v1/placement.grpc.pb.h"
#include "gmock/gmock.h"
#include "tests/server/daemon_fixture.h"
#include "tests/server/in_process_service.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;
using Code = absl::StatusCode;

constexpr absl::Duration kQueueWait = absl::Milliseconds(100);

class PlacementTurnTest : public ::testing::Test {
 protected:
  // Keeps the queue busy until it goes.
  AdmissionQueue::Turn Occupy() {
    AdmissionQueue::Turn turn = service_.queue().TryEnter("m");
    EXPECT_TRUE(turn);
    return turn;
  }
  bool WaitUntilQueued(std::size_t queries) {
    return Eventually([&] { return service_.queue().waiting() == queries; });
  }
  absl::Status Place(const v1::PlaceRequest& query) {
    grpc::ClientContext context;
    v1::PlaceResponse response;
    return FromGrpc(stub_->Place(&context, query, &response));
  }
  static v1::StreamPlacementsRequest Element(std::uint64_t id) {
    v1::StreamPlacementsRequest element;
    element.set_id(id);
    *element.mutable_place() = TestQuery(absl::StrCat("r", id));
    return element;
  }

  InProcessService service_{{}, {.queue_wait = kQueueWait}};
  std::unique_ptr<v1::PlacementService::Stub> stub_ =
      v1::PlacementService::NewStub(service_.NewChannel());
};

TEST_F(PlacementTurnTest, AUnaryQueryWaitsAndIsDecidedInItsTurn) {
  std::optional<AdmissionQueue::Turn> busy(Occupy());
  absl::Status placed = absl::UnknownError("not answered");
  std::thread caller([&] { placed = Place(TestQuery("r")); });
  EXPECT_TRUE(WaitUntilQueued(1));
  busy.reset();
  caller.join();
  EXPECT_THAT(placed, IsOk());
}

TEST_F(PlacementTurnTest, SoDoesOneThatHasWaitedForItsSignature) {
  std::optional<AdmissionQueue::Turn> busy(Occupy());
  v1::PlaceRequest query = TestQuery("r");
  query.mutable_signature_wait()->set_nanos(1'000'000);
  absl::Status placed = absl::UnknownError("not answered");
  std::thread caller([&] { placed = Place(query); });
  EXPECT_TRUE(WaitUntilQueued(1));
  service_.clock().Advance(kQueueWait + absl::Milliseconds(1));
  EXPECT_THAT(Place(query), StatusIs(Code::kResourceExhausted, HasSubstr("limits.queue_wait")));
  busy.reset();
  caller.join();
  EXPECT_THAT(placed, IsOk());
}

TEST_F(PlacementTurnTest, SoDoQueriesOnStreamsAndOnesThatComeTooLateAreRefusedEachForItself) {
  std::optional<AdmissionQueue::Turn> busy(Occupy());
  grpc::ClientContext context;
  const auto stream = stub_->StreamPlacements(&context);
  ASSERT_TRUE(stream->Write(Element(1)));
  EXPECT_TRUE(WaitUntilQueued(1));
  service_.clock().Advance(kQueueWait + absl::Milliseconds(1));
  ASSERT_TRUE(stream->Write(Element(2)));
  v1::StreamPlacementsResponse answer;
  ASSERT_TRUE(stream->Read(&answer));
  EXPECT_EQ(answer.id(), 2u);
  EXPECT_EQ(answer.error().code(), static_cast<int>(Code::kResourceExhausted));
  EXPECT_THAT(answer.error().message(), HasSubstr("limits.queue_wait"));
  busy.reset();
  ASSERT_TRUE(stream->Read(&answer));
  EXPECT_EQ(answer.id(), 1u);
  EXPECT_TRUE(answer.has_placed());
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&answer));
  EXPECT_THAT(FromGrpc(stream->Finish()), IsOk());
}

// The server hears of a cancelled call a moment later than its client, so an attempt may come too
// early; one that does not shows it.
TEST_F(PlacementTurnTest, AQueryWhoseClientHasGoneReservesNothing) {
  EXPECT_TRUE(Eventually([this, attempt = 0u]() mutable {
    ++attempt;
    const std::uint64_t leases_before = service_.router().DescribeModel("m")->leases;
    std::optional<AdmissionQueue::Turn> busy(Occupy());
    grpc::ClientContext unary, streaming;
    std::thread caller([&] {
      v1::PlaceResponse response;
      EXPECT_THAT(FromGrpc(stub_->Place(&unary, TestQuery(absl::StrCat("u", attempt)), &response)),
                  StatusIs(Code::kCancelled));
    });
    const auto stream = stub_->StreamPlacements(&streaming);
    EXPECT_TRUE(stream->Write(Element(attempt)));
    EXPECT_TRUE(WaitUntilQueued(2));
    unary.TryCancel();
    streaming.TryCancel();
    caller.join();
    EXPECT_THAT(FromGrpc(stream->Finish()), StatusIs(Code::kCancelled));
    std::this_thread::sleep_for(std::chrono::milliseconds(attempt));
    busy.reset();
    EXPECT_TRUE(Eventually([this] { return service_.calls().in_flight() == 0; }));
    return service_.router().DescribeModel("m")->leases == leases_before;
  }));
}

}  // namespace
}  // namespace eldr

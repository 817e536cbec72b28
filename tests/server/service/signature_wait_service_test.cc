// Placements that wait for their signature, over the wire.
#include <atomic>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/server/daemon_fixture.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using Code = absl::StatusCode;

class SignatureWaitServiceTest : public DaemonTest {
 protected:
  void SetUp() override {
    StartDaemon();
    DeclareTestModel();
    RegisterTestNode("a");
  }
  static v1::PlaceRequest WaitingQuery(const std::string& request_id) {
    v1::PlaceRequest query = TestQuery(request_id);
    query.mutable_signature_wait()->set_nanos(50'000'000);
    return query;
  }
};

TEST_F(SignatureWaitServiceTest, IsAnsweredWithThePriorWhenTheTimeIsOver) {
  const absl::Time start = absl::Now();
  v1::PlaceResponse placed;
  ASSERT_THAT(FromGrpc(Place(WaitingQuery("r"), &placed)), IsOk());
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(49));
  EXPECT_EQ(placed.signature_quality(), v1::SIGNATURE_QUALITY_MISSING);
  EXPECT_EQ(placed.node().node_id(), "a");
}

TEST_F(SignatureWaitServiceTest, IsAnsweredWhenTheSignatureArrives) {
  // A wait lasts 50 ms at most, so a busy machine may miss some; one that is met shows it.
  int met = 0;
  EXPECT_TRUE(Eventually([&, attempt = 0]() mutable {
    const std::string id = absl::StrCat("r", ++attempt);
    v1::PlaceResponse placed;
    std::thread frontend([&] { EXPECT_THAT(FromGrpc(Place(WaitingQuery(id), &placed)), IsOk()); });
    EXPECT_THAT(FromGrpc(Push(TestPush(id))), IsOk());
    frontend.join();
    met += placed.signature_quality() == v1::SIGNATURE_QUALITY_FULL;
    return met >= 5;
  }));
}

TEST_F(SignatureWaitServiceTest, DoesNotWaitForASignatureThatIsThere) {
  ASSERT_THAT(FromGrpc(Push(TestPush("r"))), IsOk());
  v1::PlaceResponse placed;
  ASSERT_THAT(FromGrpc(Place(WaitingQuery("r"), &placed)), IsOk());
  EXPECT_EQ(placed.signature_quality(), v1::SIGNATURE_QUALITY_FULL);
}

TEST_F(SignatureWaitServiceTest, ACancelledWaitLeavesNoLease) {
  // A wait lasts 50 ms at most, so a busy machine may cancel some too late.
  ASSERT_TRUE(Eventually([&, attempt = 0]() mutable {
    const std::string id = absl::StrCat("r", ++attempt);
    grpc::ClientContext context;
    std::atomic<bool> answered{false};
    std::thread frontend([&] {
      v1::PlaceResponse placed;
      placement_->Place(&context, WaitingQuery(id), &placed).ok();
      answered = true;
    });
    while (!answered && Metric("eldr_calls_in_flight") == 0) std::this_thread::yield();
    context.TryCancel();
    frontend.join();
    return Metric(R"(eldr_calls_total{call="Place",outcome="cancelled"})") >= 3;
  }));
  // What was not cancelled was placed; a cancelled wait left nothing.
  EXPECT_TRUE(Eventually([&] {
    const double placed = Metric(R"(eldr_calls_total{call="Place",outcome="ok"})");
    return static_cast<double>(Describe().leases()) == placed;
  }));
}

TEST_F(SignatureWaitServiceTest, ManyWaitAtOnceWithoutThreads) {
  constexpr std::uint64_t kQueries = 200;
  grpc::ClientContext context;
  const auto stream = placement_->StreamPlacements(&context);
  const absl::Time start = absl::Now();
  for (std::uint64_t id = 0; id < kQueries; ++id) {
    v1::StreamPlacementsRequest request;
    request.set_id(id);
    *request.mutable_place() = WaitingQuery(absl::StrCat("r", id));
    ASSERT_TRUE(stream->Write(request));
  }
  stream->WritesDone();
  v1::StreamPlacementsResponse response;
  std::uint64_t answers = 0;
  while (stream->Read(&response)) ++answers;
  EXPECT_EQ(answers, kQueries);
  // One after the other they would take ten seconds.
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  EXPECT_THAT(FromGrpc(stream->Finish()), IsOk());
}

TEST_F(SignatureWaitServiceTest, WaitingCallsFinishWhenTheDaemonStops) {
  absl::Status answer;
  std::thread frontend;
  // A wait lasts 50 ms at most, so a busy machine may take several to see one under way.
  ASSERT_TRUE(Eventually([&, attempt = 0]() mutable {
    if (frontend.joinable()) frontend.join();
    // A call is counted for a moment longer than its caller waits.
    if (Metric("eldr_calls_in_flight") != 0) return false;
    const std::string id = absl::StrCat("r", ++attempt);
    frontend = std::thread([&, id] { answer = FromGrpc(Place(WaitingQuery(id))); });
    return Metric("eldr_calls_in_flight") == 1;
  }));
  daemon_->Stop();
  frontend.join();
  EXPECT_THAT(answer, IsOk());
}

}  // namespace
}  // namespace eldr

// A client that asks and does not read the answers.
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/server/daemon_fixture.h"
#include "tests/server/rpc/raw_http2.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

constexpr char kServed[] = R"(eldr_calls_total{call="StreamPlacements",outcome="ok"})";
constexpr std::uint64_t kQueries = 60'000;

class SlowReaderTest : public DaemonTest {
 protected:
  // The number of queries served, once it has stood still for a quarter of a second.
  double ServedAtRest() {
    double served = -1;
    auto since = std::chrono::steady_clock::now();
    EXPECT_TRUE(Eventually([&] {
      const double now = Metric(kServed);
      if (now != served) {
        served = now;
        since = std::chrono::steady_clock::now();
      }
      return std::chrono::steady_clock::now() - since > std::chrono::milliseconds(250);
    }));
    return served;
  }
};

TEST_F(SlowReaderTest, IsNotReadFromUntilItReadsAndHoldsNobodyUp) {
  StartDaemon();
  DeclareTestModel();
  // Answers name the runners-up too, so they are larger than queries.
  for (int i = 0; i < 8; ++i) RegisterTestNode(absl::StrCat("node-", i));
  // By default a client's window grows to megabytes, which would hold most of the answers.
  grpc::ChannelArguments narrow;
  narrow.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  narrow.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 64 << 10);
  const auto stub = v1::PlacementService::NewStub(
      grpc::CreateCustomChannel(grpc_target(), grpc::InsecureChannelCredentials(), narrow));
  grpc::ClientContext context;
  const auto stream = stub->StreamPlacements(&context);
  std::thread writer([&stream] {
    v1::StreamPlacementsRequest query;
    *query.mutable_place() = TestQuery("r");
    for (std::uint64_t id = 1; id <= kQueries; ++id) {
      query.set_id(id);
      if (!stream->Write(query)) return;
    }
    stream->WritesDone();
  });
  const double served = ServedAtRest();
  RecordProperty("served_before_reading", static_cast<int>(served));
  EXPECT_GT(served, 256);
  // What the daemon holds, and what fits into the network's buffers on the way.
  EXPECT_LT(served, kQueries / 2);
  for (int i = 0; i < 100; ++i) EXPECT_THAT(FromGrpc(Place("other")), IsOk());
  EXPECT_EQ(Metric(kServed), served);

  v1::StreamPlacementsResponse answer;
  std::uint64_t answers = 0;
  while (stream->Read(&answer)) EXPECT_EQ(answer.id(), ++answers);
  writer.join();
  EXPECT_EQ(answers, kQueries) << "late, but all of them";
  EXPECT_THAT(FromGrpc(stream->Finish()), IsOk());
}

// Unary calls are many at a time, and each of these answers is a MiB.
TEST_F(SlowReaderTest, LargeAnswersThatNobodyReadsAreBoundedInAll) {
  Config config = TestConfig();
  config.limits.answer_bytes = 16 << 20;
  config.models.push_back({.name = kModel, .geometry = {64, 4096, 8, {}}});
  StartDaemon(config);
  RegisterTestNode("a");
  v1::GetResidencyRequest request;
  request.set_node_id("a");
  constexpr int kCalls = 100;  // far more than the network's buffers and the bound hold
  {
    RawHttp2 unread(daemon_->grpc_addresses().front().port);
    for (int i = 0; i < kCalls; ++i) {
      const auto call = unread.Open("/eldr.v1.FleetService/GetResidency");
      unread.Data(call, GrpcFrame(request.SerializeAsString()), /*end=*/true);
    }
    ASSERT_TRUE(unread.Flush());
    const auto answered = [&](absl::string_view outcome) {
      return Metric(
          absl::StrCat("eldr_calls_total{call=\"GetResidency\",outcome=\"", outcome, "\"}"));
    };
    EXPECT_TRUE(
        Eventually([&] { return answered("ok") + answered("resource_exhausted") == kCalls; }));
    EXPECT_GT(answered("resource_exhausted"), 0);
    EXPECT_EQ(Metric(R"(eldr_limit_exceeded_total{limit="answer_bytes"})"),
              answered("resource_exhausted"));
    EXPECT_THAT(FromGrpc(Place("r")), IsOk()) << "small answers go on";
  }
  EXPECT_TRUE(Eventually([&] {
    grpc::ClientContext context;
    v1::GetResidencyResponse response;
    return fleet_->GetResidency(&context, request, &response).ok();
  })) << "what nobody will read any more is given back";
}

}  // namespace
}  // namespace eldr

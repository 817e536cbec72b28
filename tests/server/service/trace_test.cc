// The caller's trace: from the metadata of its call to the receipt.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/server/daemon_fixture.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

constexpr char kTraceparent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr char kTrace[] = "4bf92f3577b34da6a3ce929d0e0e4736";

class TraceTest : public DaemonTest {
 protected:
  void SetUp() override {
    StartDaemon();
    DeclareTestModel();
    RegisterTestNode("a");
  }
  void PlaceTraced(const v1::PlaceRequest& query, const std::vector<std::string>& traceparents) {
    grpc::ClientContext context;
    for (const std::string& text : traceparents) context.AddMetadata("traceparent", text);
    v1::PlaceResponse placed;
    ASSERT_THAT(FromGrpc(placement_->Place(&context, query, &placed)), IsOk());
  }
  std::string TraceOf(const std::string& request_id) {
    v1::ExplainPlacementRequest request;
    request.set_model(kModel);
    request.set_request_id(request_id);
    grpc::ClientContext context;
    v1::ExplainPlacementResponse explained;
    EXPECT_THAT(FromGrpc(placement_->ExplainPlacement(&context, request, &explained)), IsOk());
    return explained.trace_id();
  }
};

TEST_F(TraceTest, OfACallStandsInItsReceipt) {
  PlaceTraced(TestQuery("r"), {kTraceparent});
  EXPECT_EQ(TraceOf("r"), kTrace);
}

TEST_F(TraceTest, OfACallThatWaitsForItsSignatureToo) {
  v1::PlaceRequest query = TestQuery("r");
  query.mutable_signature_wait()->set_nanos(1'000'000);
  PlaceTraced(query, {kTraceparent});
  EXPECT_EQ(TraceOf("r"), kTrace);
}

TEST_F(TraceTest, OfAStreamIsThatOfAllItsQueries) {
  grpc::ClientContext context;
  context.AddMetadata("traceparent", kTraceparent);
  const auto stream = placement_->StreamPlacements(&context);
  for (const char* const id : {"r", "s"}) {
    v1::StreamPlacementsRequest request;
    *request.mutable_place() = TestQuery(id);
    ASSERT_TRUE(stream->Write(request));
    v1::StreamPlacementsResponse response;
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(TraceOf(id), kTrace);
  }
  stream->WritesDone();
  EXPECT_THAT(FromGrpc(stream->Finish()), IsOk());
}

TEST_F(TraceTest, ThatIsMissingMalformedOrDoubleIsNone) {
  PlaceTraced(TestQuery("none"), {});
  PlaceTraced(TestQuery("malformed"), {"00-xyz"});
  PlaceTraced(TestQuery("double"), {kTraceparent, kTraceparent});
  for (const char* const id : {"none", "malformed", "double"}) EXPECT_EQ(TraceOf(id), "") << id;
}

}  // namespace
}  // namespace eldr

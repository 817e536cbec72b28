#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/server/daemon_fixture.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

using Code = absl::StatusCode;

class PlacementServiceTest : public DaemonTest {
 protected:
  void SetUp() override {
    StartDaemon();
    DeclareTestModel();
  }
  v1::RenewLeaseResponse Renew(const std::string& request_id, std::uint64_t lease_id = 0) {
    v1::RenewLeaseRequest request;
    request.mutable_lease()->set_model(kModel);
    request.mutable_lease()->set_request_id(request_id);
    request.mutable_lease()->set_lease_id(lease_id);
    grpc::ClientContext context;
    v1::RenewLeaseResponse response;
    EXPECT_THAT(FromGrpc(placement_->RenewLease(&context, request, &response)), IsOk());
    return response;
  }
  v1::LeaseOutcome Release(const std::string& request_id, std::uint64_t lease_id = 0) {
    v1::ReleaseLeaseRequest request;
    request.mutable_lease()->set_model(kModel);
    request.mutable_lease()->set_request_id(request_id);
    request.mutable_lease()->set_lease_id(lease_id);
    grpc::ClientContext context;
    v1::ReleaseLeaseResponse response;
    EXPECT_THAT(FromGrpc(placement_->ReleaseLease(&context, request, &response)), IsOk());
    return response.outcome();
  }
};

TEST_F(PlacementServiceTest, PushPlaceRenewReleaseExplain) {
  RegisterTestNode("a");
  v1::PushSignatureResponse pushed;
  ASSERT_THAT(FromGrpc(Push(TestPush("r"), &pushed)), IsOk());
  EXPECT_EQ(pushed.tokens(), 3u);
  EXPECT_EQ(pushed.quality(), v1::SIGNATURE_QUALITY_FULL);
  EXPECT_FALSE(pushed.updated_lease());

  clock_.Advance(absl::Seconds(1));
  v1::PlaceResponse placed;
  ASSERT_THAT(FromGrpc(Place("r", &placed)), IsOk());
  EXPECT_EQ(placed.node().node_id(), "a");
  EXPECT_EQ(placed.node().address(), "a.test:8000");
  EXPECT_NE(placed.lease_id(), 0u);
  EXPECT_EQ(placed.lease_ttl().seconds(), 600);
  EXPECT_EQ(placed.policy(), "residency");
  EXPECT_EQ(placed.reason(), v1::PLACEMENT_REASON_POLICY);
  EXPECT_EQ(placed.signature_quality(), v1::SIGNATURE_QUALITY_FULL);
  EXPECT_GT(placed.marginal_experts(), 0);

  EXPECT_EQ(Renew("r").outcome(), v1::LEASE_OUTCOME_DONE);
  EXPECT_EQ(Renew("r").lease_ttl().seconds(), 600);
  EXPECT_EQ(Renew("r", placed.lease_id() + 1).outcome(), v1::LEASE_OUTCOME_STALE);

  grpc::ClientContext context;
  v1::ExplainPlacementRequest why;
  why.set_model(kModel);
  why.set_request_id("r");
  v1::ExplainPlacementResponse because;
  ASSERT_THAT(FromGrpc(placement_->ExplainPlacement(&context, why, &because)), IsOk());
  EXPECT_EQ(because.node_id(), "a");
  EXPECT_EQ(because.lease_id(), placed.lease_id());
  EXPECT_EQ(because.signature_age().seconds(), 1);
  EXPECT_EQ(because.candidate_count(), 1u);
  EXPECT_TRUE(because.lease_held());

  EXPECT_EQ(Release("r", placed.lease_id() + 1), v1::LEASE_OUTCOME_STALE);
  EXPECT_EQ(Release("r", placed.lease_id()), v1::LEASE_OUTCOME_DONE);
  EXPECT_EQ(Release("r"), v1::LEASE_OUTCOME_NOT_HELD);
  EXPECT_EQ(Renew("r").outcome(), v1::LEASE_OUTCOME_NOT_HELD);
}

TEST_F(PlacementServiceTest, ASignatureInTheQuerySavesThePush) {
  RegisterTestNode("a");
  v1::PlaceRequest query = TestQuery("r");
  *query.mutable_signature() = TestSignature();
  v1::PlaceResponse placed;
  ASSERT_THAT(FromGrpc(Place(query, &placed)), IsOk());
  EXPECT_EQ(placed.signature_quality(), v1::SIGNATURE_QUALITY_FULL);
}

TEST_F(PlacementServiceTest, AMissingSignatureDoesNotFailAndCanComeLater) {
  RegisterTestNode("a");
  v1::PlaceResponse placed;
  ASSERT_THAT(FromGrpc(Place("r", &placed)), IsOk());
  EXPECT_EQ(placed.signature_quality(), v1::SIGNATURE_QUALITY_MISSING);
  v1::PushSignatureResponse pushed;
  ASSERT_THAT(FromGrpc(Push(TestPush("r"), &pushed)), IsOk());
  EXPECT_TRUE(pushed.updated_lease());
}

TEST_F(PlacementServiceTest, NoEligibleNodeIsUnavailableAndFullNodesAreExhausted) {
  EXPECT_THAT(FromGrpc(Place("r")), StatusIs(Code::kUnavailable));
  RegisterTestNode("a", /*capacity=*/1);
  ASSERT_THAT(FromGrpc(Place("r1")), IsOk());
  EXPECT_THAT(FromGrpc(Place("r2")), StatusIs(Code::kResourceExhausted));
  EXPECT_THAT(FromGrpc(Place("r1")), IsOk()) << "its lease stands";

  grpc::ClientContext context;
  v1::DrainNodeRequest drain;
  drain.set_node_id("a");
  v1::DrainNodeResponse drained;
  ASSERT_THAT(FromGrpc(fleet_->DrainNode(&context, drain, &drained)), IsOk());
  EXPECT_EQ(drained.leases(), 1u);
  EXPECT_THAT(FromGrpc(Place("r3")), StatusIs(Code::kUnavailable));
  EXPECT_THAT(FromGrpc(Place("r1")), IsOk()) << "also on a node that drains";
}

TEST_F(PlacementServiceTest, LeasesThatNobodyReleasesExpire) {
  RegisterTestNode("a", /*capacity=*/1);
  ASSERT_THAT(FromGrpc(Place("r1")), IsOk());
  clock_.Advance(absl::Minutes(10) + absl::Seconds(1));
  EXPECT_THAT(FromGrpc(Place("r2")), IsOk());
  EXPECT_EQ(Metric(R"(eldr_leases_ended_total{end="expired",model="m"})"), 1);
}

TEST_F(PlacementServiceTest, IdleModelsAreTimedByTheDaemon) {
  RegisterTestNode("a");
  ASSERT_THAT(FromGrpc(Place("r1")), IsOk());
  clock_.Advance(absl::Minutes(11));
  EXPECT_TRUE(Eventually(
      [&] { return Metric(R"(eldr_leases_ended_total{end="expired",model="m"})") == 1; }));
}

TEST_F(PlacementServiceTest, RefusesBadSignaturesAndStoresNothing) {
  struct Bad {
    const char* what;
    std::function<void(v1::PushSignatureRequest&)> spoil;
    Code code;
    const char* message;
  };
  using Push = v1::PushSignatureRequest;
  const Bad bad_pushes[] = {
      {"empty id", [](Push& push) { push.clear_request_id(); }, Code::kInvalidArgument,
       "request_id: got 0 bytes, expected 1 to 256"},
      {"over-long id", [](Push& push) { push.set_request_id(std::string(257, 'r')); },
       Code::kInvalidArgument, "request_id: got 257 bytes"},
      {"undeclared model", [](Push& push) { push.set_model("x"); }, Code::kNotFound,
       "model: \"x\" is not declared"},
      {"over-long worker", [](Push& push) { push.set_prefill_worker(std::string(257, 'w')); },
       Code::kInvalidArgument, "prefill_worker: got 257 bytes"},
      {"no signature", [](Push& push) { push.clear_signature(); }, Code::kInvalidArgument,
       "signature: got none"},
      {"no counts", [](Push& push) { push.mutable_signature()->clear_counts(); },
       Code::kInvalidArgument, "signature.counts"},
      {"zero tokens", [](Push& push) { push.mutable_signature()->set_tokens(0); },
       Code::kInvalidArgument, "signature.tokens: got 0, expected 1 to 16777216"},
      {"zero prompt", [](Push& push) { push.mutable_signature()->set_prompt_tokens(0); },
       Code::kInvalidArgument, "signature.prompt_tokens: got 0"},
      {"wrong length",
       [](Push& push) { push.mutable_signature()->mutable_dense()->set_data("123"); },
       Code::kInvalidArgument, "signature.dense.data: got 3 bytes, expected 8"},
      {"wrong geometry",
       [](Push& push) {
         push.mutable_signature()->mutable_dense()->set_data(std::string(48 * 128, '\1'));
       },
       Code::kInvalidArgument, "signature.dense.data: got 6144 bytes, expected 8"},
      {"no encoding",
       [](Push& push) { push.mutable_signature()->mutable_dense()->clear_encoding(); },
       Code::kInvalidArgument, "signature.dense.encoding: got 0"},
      {"counts that do not add up", [](Push& push) { push.mutable_signature()->set_tokens(4); },
       Code::kInvalidArgument, "layer 0"},
      {"index out of range",
       [](Push& push) {
         auto* const sparse = push.mutable_signature()->mutable_sparse();
         sparse->add_indices(8);
         sparse->add_counts(3);
       },
       Code::kInvalidArgument, "signature.sparse.indices"},
      {"indices that descend",
       [](Push& push) {
         auto* const sparse = push.mutable_signature()->mutable_sparse();
         for (const std::uint32_t index : {1u, 0u}) {
           sparse->add_indices(index);
           sparse->add_counts(3);
         }
       },
       Code::kInvalidArgument, "signature.sparse.indices"},
      {"fewer counts than indices",
       [](Push& push) { push.mutable_signature()->mutable_sparse()->add_indices(0); },
       Code::kInvalidArgument, "signature.sparse"},
      {"append to what is not there",
       [](Push& push) {
         push.set_append(true);
         push.set_append_at(64);
       },
       Code::kFailedPrecondition, "append_at: got 64, expected 0"},
  };
  for (const Bad& bad : bad_pushes) {
    Push push = TestPush("r");
    bad.spoil(push);
    EXPECT_THAT(FromGrpc(DaemonTest::Push(push)), StatusIs(bad.code, HasSubstr(bad.message)))
        << bad.what;
  }
  EXPECT_EQ(Describe().stored_signatures(), 0u);
  EXPECT_THAT(FromGrpc(DaemonTest::Push(TestPush("r"))), IsOk());
}

TEST_F(PlacementServiceTest, RefusesMessagesOverTheLimit) {
  v1::PushSignatureRequest push = TestPush("r");
  push.mutable_signature()->mutable_dense()->set_data(std::string((4 << 20) + 1, '\0'));
  EXPECT_THAT(FromGrpc(Push(push)), StatusIs(Code::kResourceExhausted));
}

TEST_F(PlacementServiceTest, RefusesBadQueriesAndPlacesNothing) {
  struct Bad {
    const char* what;
    std::function<void(v1::PlaceRequest&)> spoil;
    Code code;
    const char* message;
  };
  using Query = v1::PlaceRequest;
  const Bad bad_queries[] = {
      {"empty id", [](Query& query) { query.clear_request_id(); }, Code::kInvalidArgument,
       "request_id: got 0 bytes"},
      {"over-long id", [](Query& query) { query.set_request_id(std::string(257, 'r')); },
       Code::kInvalidArgument, "request_id: got 257 bytes"},
      {"undeclared model", [](Query& query) { query.set_model("x"); }, Code::kNotFound,
       "model: \"x\" is not declared"},
      {"bad signature", [](Query& query) { query.mutable_signature()->set_tokens(1); },
       Code::kInvalidArgument, "signature.counts"},
      {"too many sequences", [](Query& query) { query.set_sequences(1025); },
       Code::kInvalidArgument, "sequences: got 1025, expected 1 to 1024"},
      {"too short a lease", [](Query& query) { query.mutable_lease_ttl()->set_nanos(1); },
       Code::kInvalidArgument, "lease_ttl: got 1ns, expected 1s to 1h"},
      {"too long a lease", [](Query& query) { query.mutable_lease_ttl()->set_seconds(3601); },
       Code::kInvalidArgument, "lease_ttl: got 1h1s"},
      {"no duration", [](Query& query) { query.mutable_lease_ttl()->set_nanos(2'000'000'000); },
       Code::kInvalidArgument, "lease_ttl: got seconds 0 and nanos 2000000000"},
      {"too long a wait",
       [](Query& query) { query.mutable_signature_wait()->set_nanos(51'000'000); },
       Code::kInvalidArgument, "signature_wait: got 51ms, expected 0 to 50ms"},
      {"nothing allowed", [](Query& query) { query.add_allow_nodes("nobody"); }, Code::kUnavailable,
       ""},
      {"everything excluded", [](Query& query) { query.add_exclude_nodes("a"); },
       Code::kUnavailable, ""},
  };
  RegisterTestNode("a");
  for (const Bad& bad : bad_queries) {
    Query query = TestQuery("r");
    bad.spoil(query);
    EXPECT_THAT(FromGrpc(Place(query)), StatusIs(bad.code, HasSubstr(bad.message))) << bad.what;
  }
  EXPECT_EQ(Describe().leases(), 0u);
}

TEST_F(PlacementServiceTest, UnknownNodesInAQueryAreIgnored) {
  RegisterTestNode("a");
  v1::PlaceRequest query = TestQuery("r");
  query.add_prefer_nodes("nobody");
  query.add_exclude_nodes("nobody");
  EXPECT_THAT(FromGrpc(Place(query)), IsOk());
}

TEST_F(PlacementServiceTest, BatchesAnswerEachElement) {
  RegisterTestNode("a");
  ASSERT_THAT(FromGrpc(Place("r1")), IsOk());
  v1::ReleaseLeasesRequest request;
  for (const char* const id : {"r1", "", "r2"}) {
    auto* const key = request.add_releases()->mutable_lease();
    key->set_model(kModel);
    key->set_request_id(id);
  }
  grpc::ClientContext context;
  v1::ReleaseLeasesResponse response;
  ASSERT_THAT(FromGrpc(placement_->ReleaseLeases(&context, request, &response)), IsOk());
  ASSERT_EQ(response.results_size(), 3);
  EXPECT_EQ(response.results(0).outcome(), v1::LEASE_OUTCOME_DONE);
  EXPECT_EQ(response.results(1).error().code(), static_cast<int>(Code::kInvalidArgument));
  EXPECT_THAT(response.results(1).error().message(), HasSubstr("request_id"));
  EXPECT_EQ(response.results(2).outcome(), v1::LEASE_OUTCOME_NOT_HELD);
  EXPECT_FALSE(response.results(2).has_error());
}

TEST_F(PlacementServiceTest, BatchesAreBounded) {
  v1::RenewLeasesRequest request;
  for (int i = 0; i < 10'001; ++i) request.add_renewals();
  grpc::ClientContext context;
  v1::RenewLeasesResponse response;
  EXPECT_THAT(
      FromGrpc(placement_->RenewLeases(&context, request, &response)),
      StatusIs(Code::kInvalidArgument, "renewals: got 10001 elements, expected at most 10000"));
}

TEST_F(PlacementServiceTest, DecodeCountsAreCheckedAndKept) {
  RegisterTestNode("a");
  ASSERT_THAT(FromGrpc(Place("r")), IsOk());
  v1::ReleaseLeaseRequest request;
  request.mutable_lease()->set_model(kModel);
  request.mutable_lease()->set_request_id("r");
  request.mutable_decode_counts()->mutable_dense();
  grpc::ClientContext bad_context;
  v1::ReleaseLeaseResponse response;
  EXPECT_THAT(FromGrpc(placement_->ReleaseLease(&bad_context, request, &response)),
              StatusIs(Code::kInvalidArgument, HasSubstr("decode_counts.dense.encoding")));
  EXPECT_EQ(Describe().leases(), 1u);

  *request.mutable_decode_counts() = TestSignature();
  request.set_output_tokens(3);
  grpc::ClientContext context;
  ASSERT_THAT(FromGrpc(placement_->ReleaseLease(&context, request, &response)), IsOk());
  EXPECT_EQ(response.outcome(), v1::LEASE_OUTCOME_DONE);
  EXPECT_EQ(Describe().decode_observations(), 1u);
}

TEST_F(PlacementServiceTest, OnlyPlacementsInMemoryAreExplained) {
  grpc::ClientContext context;
  v1::ExplainPlacementRequest request;
  request.set_model(kModel);
  request.set_request_id("never");
  v1::ExplainPlacementResponse response;
  EXPECT_THAT(FromGrpc(placement_->ExplainPlacement(&context, request, &response)),
              StatusIs(Code::kNotFound, HasSubstr("\"never\"")));
}

}  // namespace
}  // namespace eldr

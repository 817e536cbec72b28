// Signatures of KV blocks over gRPC.
#include <string>

#include "gmock/gmock.h"
#include "tests/server/daemon_fixture.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

using Code = absl::StatusCode;

class BlockServiceTest : public DaemonTest {
 protected:
  void SetUp() override {
    StartDaemon();
    DeclareTestModel();
    RegisterTestNode("a");
  }
  grpc::Status Update(const v1::UpdateBlocksRequest& request,
                      v1::UpdateBlocksResponse* response = nullptr) {
    grpc::ClientContext context;
    v1::UpdateBlocksResponse ignored;
    return placement_->UpdateBlocks(&context, request, response == nullptr ? &ignored : response);
  }
  // Blocks of three tokens each.
  static v1::UpdateBlocksRequest Stored(std::initializer_list<std::string> hashes) {
    v1::UpdateBlocksRequest request;
    request.set_model(kModel);
    request.set_prefill_worker("p0");
    for (const std::string& hash : hashes) {
      v1::SignatureBlock& block = *request.add_stored();
      block.set_hash(hash);
      *block.mutable_signature() = TestSignature();
    }
    return request;
  }
  static v1::PromptBlocks Blocks(std::initializer_list<std::string> hashes,
                                 std::uint32_t prompt_tokens) {
    v1::PromptBlocks blocks;
    for (const std::string& hash : hashes) blocks.add_hashes(hash);
    blocks.set_prompt_tokens(prompt_tokens);
    return blocks;
  }
  double Composed(const std::string& outcome) {
    return Metric(R"(eldr_composed_signatures_total{model="m",outcome=")" + outcome + R"("})");
  }
};

TEST_F(BlockServiceTest, TellsOfBlocksAndPlacesByThem) {
  v1::UpdateBlocksResponse updated;
  ASSERT_THAT(FromGrpc(Update(Stored({"b1", "b2"}), &updated)), IsOk());
  EXPECT_EQ(updated.blocks(), 2u);
  EXPECT_GT(updated.bytes(), 0u);
  EXPECT_EQ(updated.evicted(), 0u);
  EXPECT_EQ(Describe().stored_blocks(), 2u);
  EXPECT_EQ(Describe().stored_block_bytes(), updated.bytes());

  v1::PlaceRequest query = TestQuery("full");
  query.set_prefill_worker("p0");
  *query.mutable_blocks() = Blocks({"b1", "b2"}, 6);
  v1::PlaceResponse placed;
  ASSERT_THAT(FromGrpc(Place(query, &placed)), IsOk());
  EXPECT_EQ(placed.signature_quality(), v1::SIGNATURE_QUALITY_FULL);
  EXPECT_EQ(placed.signature_coverage(), 1);

  v1::PushSignatureRequest push = TestPush("partial");
  push.clear_signature();
  push.set_prefill_worker("p0");
  *push.mutable_blocks() = Blocks({"b1", "b3"}, 12);
  v1::PushSignatureResponse pushed;
  ASSERT_THAT(FromGrpc(Push(push, &pushed)), IsOk());
  EXPECT_EQ(pushed.tokens(), 3u);
  EXPECT_EQ(pushed.quality(), v1::SIGNATURE_QUALITY_PARTIAL);
  ASSERT_THAT(FromGrpc(Place("partial", &placed)), IsOk());
  EXPECT_EQ(placed.signature_coverage(), 0.25);

  grpc::ClientContext context;
  v1::ExplainPlacementRequest why;
  why.set_model(kModel);
  why.set_request_id("partial");
  v1::ExplainPlacementResponse because;
  ASSERT_THAT(FromGrpc(placement_->ExplainPlacement(&context, why, &because)), IsOk());
  EXPECT_EQ(because.signature_coverage(), 0.25);
  EXPECT_EQ(because.prefill_worker(), "p0");
}

TEST_F(BlockServiceTest, RemovedAndClearedBlocksAreGone) {
  ASSERT_THAT(FromGrpc(Update(Stored({"b1", "b2", "b3"}))), IsOk());
  v1::UpdateBlocksRequest remove = Stored({});
  remove.add_removed("b1");
  remove.add_removed("unknown");
  v1::UpdateBlocksResponse updated;
  ASSERT_THAT(FromGrpc(Update(remove, &updated)), IsOk());
  EXPECT_EQ(updated.blocks(), 2u);
  v1::UpdateBlocksRequest clear = Stored({});
  clear.set_cleared(true);
  ASSERT_THAT(FromGrpc(Update(clear, &updated)), IsOk());
  EXPECT_EQ(updated.blocks(), 0u);
  EXPECT_EQ(updated.bytes(), 0u);
}

TEST_F(BlockServiceTest, CountsWhatItComposed) {
  ASSERT_THAT(FromGrpc(Update(Stored({"b1"}))), IsOk());
  v1::PushSignatureRequest push = TestPush("r");
  push.set_prefill_worker("p0");
  *push.mutable_blocks() = Blocks({"b1"}, 6);
  ASSERT_THAT(FromGrpc(Push(push)), IsOk());
  *push.mutable_blocks() = Blocks({"b1", "b2"}, 9);
  ASSERT_THAT(FromGrpc(Push(push)), IsOk());
  push.clear_signature();
  *push.mutable_blocks() = Blocks({"b2"}, 9);
  v1::PushSignatureResponse pushed;
  ASSERT_THAT(FromGrpc(Push(push, &pushed)), IsOk());
  EXPECT_EQ(pushed.tokens(), 6u) << "what was stored stays";

  EXPECT_EQ(Composed("full"), 1);
  EXPECT_EQ(Composed("partial"), 1);
  EXPECT_EQ(Composed("none"), 1);
  EXPECT_EQ(Metric(R"(eldr_block_lookups_total{model="m",outcome="hit"})"), 2);
  EXPECT_EQ(Metric(R"(eldr_block_lookups_total{model="m",outcome="miss"})"), 2);
  EXPECT_EQ(Metric(R"(eldr_stored_blocks{model="m"})"), 1);
  EXPECT_GT(Metric(R"(eldr_stored_block_bytes{model="m"})"), 0);
  EXPECT_EQ(Metric(R"(eldr_blocks_evicted_total{model="m"})"), 0);
  EXPECT_EQ(Metric(R"(eldr_calls_total{call="UpdateBlocks",outcome="ok"})"), 1);
}

TEST_F(BlockServiceTest, ABadUpdateIsNamedAndNothingOfItTakesEffect) {
  ASSERT_THAT(FromGrpc(Update(Stored({"b1"}))), IsOk());
  v1::UpdateBlocksRequest request = Stored({"b2", ""});
  request.set_cleared(true);
  EXPECT_THAT(FromGrpc(Update(request)),
              StatusIs(Code::kInvalidArgument, StartsWith("stored[1].hash: got 0 bytes")));
  request = Stored({"b2", "b3"});
  request.set_cleared(true);
  request.mutable_stored(1)->mutable_signature()->set_tokens(4);
  EXPECT_THAT(FromGrpc(Update(request)),
              StatusIs(Code::kInvalidArgument, StartsWith("stored[1].signature.counts: layer 0")));
  request.clear_prefill_worker();
  EXPECT_THAT(FromGrpc(Update(request)),
              StatusIs(Code::kInvalidArgument, HasSubstr("prefill_worker: got 0 bytes")));
  request.set_model("other");
  EXPECT_THAT(FromGrpc(Update(request)), StatusIs(Code::kNotFound));
  EXPECT_EQ(Describe().stored_blocks(), 1u);
}

TEST_F(BlockServiceTest, SignaturesBesideBlocksAreNotCapturedAsThosePrompts) {
  const TempDir dir;
  Config config = TestConfig();
  config.capture.directory = dir / "captures";
  StartDaemon(config);
  DeclareTestModel();
  RegisterTestNode("a");
  v1::PushSignatureRequest push = TestPush("r");
  push.set_prefill_worker("p0");
  *push.mutable_blocks() = Blocks({"b1"}, 6);
  ASSERT_THAT(FromGrpc(Push(push)), IsOk());
  v1::PlaceRequest query = TestQuery("r");
  query.set_prefill_worker("p0");
  *query.mutable_signature() = TestSignature();
  *query.mutable_blocks() = Blocks({"b1"}, 6);
  ASSERT_THAT(FromGrpc(Place(query)), IsOk());
  // Records are written in the order of their calls: once this one is, the others would be.
  ASSERT_THAT(FromGrpc(Push(TestPush("whole"))), IsOk());
  const std::string written = R"(eldr_records_total{log="captures",outcome="written"})";
  EXPECT_TRUE(Eventually([&] { return Metric(written) > 0; }));
  EXPECT_EQ(Metric(written), 1);
  daemon_.reset();  // before its directory
}

TEST_F(BlockServiceTest, RefusesBlocksThatCannotBeThePrompts) {
  v1::PlaceRequest query = TestQuery("r");
  *query.mutable_blocks() = Blocks({"b1"}, 6);
  EXPECT_THAT(FromGrpc(Place(query)),
              StatusIs(Code::kInvalidArgument, HasSubstr("prefill_worker: got 0 bytes")));
  query.set_prefill_worker("p0");
  query.mutable_blocks()->add_hashes("b1");
  EXPECT_THAT(FromGrpc(Place(query)),
              StatusIs(Code::kInvalidArgument, StartsWith("blocks.hashes[1]")));
  query.mutable_blocks()->clear_hashes();
  query.mutable_blocks()->clear_prompt_tokens();
  EXPECT_THAT(FromGrpc(Place(query)),
              StatusIs(Code::kInvalidArgument, StartsWith("blocks.prompt_tokens: got 0")));
  EXPECT_EQ(Describe().leases(), 0u);
}

}  // namespace
}  // namespace eldr

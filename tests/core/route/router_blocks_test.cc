// Signatures of KV blocks: told by prefill workers, named by pushes and queries.
#include <string>
#include <vector>

#include "core/route/router.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/router_fixture.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

class RouterBlocksTest : public RouterFixture {
 protected:
  // A block of a worker's cache, kept in place for the calls that borrow it.
  struct Block {
    std::string hash;
    TestSignature signature;
  };

  BlockUpdate Update(std::vector<Block>& blocks, absl::string_view worker = "p0") {
    BlockUpdate update;
    update.model = kModel;
    update.prefill_worker = worker;
    for (Block& block : blocks) update.stored.push_back({block.hash, block.signature.Dense()});
    return update;
  }
  BlockUpdateResult MustUpdate(const BlockUpdate& update) {
    const auto result = router_->UpdateBlocks(update);
    EXPECT_THAT(result, IsOk());
    return result.value_or(BlockUpdateResult{});
  }
  // Tells of the blocks "a" and "b", of 4 tokens each.
  void TellOfTwoBlocks() {
    std::vector<Block> blocks = {{"a", SteadySignature(geometry_, 4, 0)},
                                 {"b", SteadySignature(geometry_, 4, 3)}};
    EXPECT_EQ(MustUpdate(Update(blocks)).blocks, 2u);
  }
  static PlacementQuery QueryOf(absl::string_view request_id, std::vector<absl::string_view> hashes,
                                std::uint32_t prompt_tokens) {
    PlacementQuery query = Query(request_id);
    query.prefill_worker = "p0";
    query.blocks = PromptBlocks{std::move(hashes), prompt_tokens};
    return query;
  }
  static SignaturePush PushOf(absl::string_view request_id, std::vector<absl::string_view> hashes,
                              std::uint32_t prompt_tokens) {
    SignaturePush push;
    push.model = kModel;
    push.request_id = request_id;
    push.prefill_worker = "p0";
    push.blocks = PromptBlocks{std::move(hashes), prompt_tokens};
    return push;
  }
  // What the two blocks and 2 tokens more add up to.
  TestSignature Whole() {
    TestSignature whole = SteadySignature(geometry_, 4, 0);
    for (const auto& [tokens, first] : {std::pair{4u, 3u}, std::pair{2u, 6u}}) {
      const TestSignature part = SteadySignature(geometry_, tokens, first);
      whole.tokens += tokens;
      for (std::size_t i = 0; i < whole.counts.size(); ++i) whole.counts[i] += part.counts[i];
    }
    return whole;
  }
};

TEST_F(RouterBlocksTest, AQueryOfKnownBlocksIsPlacedAsOneWithTheWholeSignature) {
  RegisterNodes({"a"});
  TestSignature whole = Whole();
  PlacementQuery cold = Query("cold");
  cold.signature = whole.Dense();
  const Placement expected = MustPlace(cold);
  const std::vector<float> activation = Activation("a");
  MustRelease("cold");

  Start({}, {});  // so that the prior knows as little as before
  RegisterNodes({"a"});
  TellOfTwoBlocks();
  TestSignature fresh = SteadySignature(geometry_, 2, 6);
  PlacementQuery query = QueryOf("r", {"a", "b"}, 10);
  query.signature = fresh.Dense();
  const Placement placement = MustPlace(query);
  EXPECT_EQ(placement.signature_quality, SignatureQuality::kFull);
  EXPECT_EQ(placement.signature_coverage, 1);
  EXPECT_EQ(placement.marginal_experts, expected.marginal_experts);
  EXPECT_EQ(Activation("a"), activation);
  EXPECT_EQ(Description().stored_signatures, 0u);
}

TEST_F(RouterBlocksTest, APushOfKnownBlocksStoresTheWholeSignature) {
  RegisterNodes({"a"});
  TellOfTwoBlocks();
  TestSignature fresh = SteadySignature(geometry_, 2, 6);
  SignaturePush push = PushOf("r", {"a", "b"}, 10);
  push.signature = fresh.Sparse();
  const auto pushed = router_->PushSignature(push);
  ASSERT_THAT(pushed, IsOk());
  EXPECT_EQ(pushed->tokens, 10u);
  EXPECT_EQ(pushed->quality, SignatureQuality::kFull);
  const Placement placement = MustPlace("r");
  EXPECT_EQ(placement.signature_quality, SignatureQuality::kFull);
  const auto explained = router_->Explain(kModel, "r");
  ASSERT_THAT(explained, IsOk());
  EXPECT_EQ(explained->receipt.prefill_worker, "p0");
  EXPECT_EQ(explained->receipt.signature_coverage, 1);
}

TEST_F(RouterBlocksTest, WhatIsKnownIsUsedAndTheAnswerTellsHowMuch) {
  RegisterNodes({"a"});
  TellOfTwoBlocks();
  const Placement placement = MustPlace(QueryOf("r", {"a", "x", "b"}, 16));
  EXPECT_EQ(placement.signature_quality, SignatureQuality::kPartial);
  EXPECT_EQ(placement.signature_coverage, 0.5);
  EXPECT_EQ(MustPlace("r").signature_coverage, 0.5) << "asked again, the lease remembers";
  const auto explained = router_->Explain(kModel, "r");
  ASSERT_THAT(explained, IsOk());
  EXPECT_EQ(explained->receipt.signature_coverage, 0.5);
  EXPECT_EQ(explained->receipt.prefill_worker, "p0");
}

TEST_F(RouterBlocksTest, WithNothingKnownTheStoredSignatureOrThePriorDecides) {
  RegisterNodes({"a"});
  Placement placement = MustPlace(QueryOf("r1", {"x"}, 16));
  EXPECT_EQ(placement.signature_quality, SignatureQuality::kMissing);
  EXPECT_EQ(placement.signature_coverage, 0);
  TestSignature signature = SteadySignature(geometry_, 3);
  ASSERT_THAT(router_->PushSignature(Push("r2", signature.Dense())), IsOk());
  placement = MustPlace(QueryOf("r2", {"x"}, 16));
  EXPECT_EQ(placement.signature_quality, SignatureQuality::kFull);
  EXPECT_EQ(placement.signature_coverage, 1);
}

TEST_F(RouterBlocksTest, APushOfUnknownBlocksChangesNothingButEndsTheWait) {
  RegisterNodes({"a"});
  int arrived = 0;
  EXPECT_NE(router_->AwaitSignature(kModel, "r", [&] { ++arrived; }), 0u);
  const auto pushed = router_->PushSignature(PushOf("r", {"x"}, 16));
  ASSERT_THAT(pushed, IsOk());
  EXPECT_EQ(pushed->tokens, 0u);
  EXPECT_EQ(pushed->quality, SignatureQuality::kMissing);
  EXPECT_EQ(arrived, 1);
  EXPECT_EQ(Description().stored_signatures, 0u);

  TestSignature signature = SteadySignature(geometry_, 3);
  ASSERT_THAT(router_->PushSignature(Push("r", signature.Dense())), IsOk());
  const auto again = router_->PushSignature(PushOf("r", {"x"}, 16));
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->tokens, 3u);
  EXPECT_EQ(again->quality, SignatureQuality::kFull);
}

TEST_F(RouterBlocksTest, ALatePushOfBlocksUpdatesTheLease) {
  RegisterNodes({"a"});
  TellOfTwoBlocks();
  MustPlace("r");
  const auto pushed = router_->PushSignature(PushOf("r", {"a", "b"}, 10));
  ASSERT_THAT(pushed, IsOk());
  EXPECT_TRUE(pushed->updated_lease);
  EXPECT_EQ(MustPlace("r").signature_coverage, 0.8);
}

TEST_F(RouterBlocksTest, EveryPlacementTellsItsCoverage) {
  RegisterNodes({"a"});
  EXPECT_EQ(MustPlace("missing").signature_coverage, 0);
  TestSignature signature = SteadySignature(geometry_, 4);
  PlacementQuery query = Query("no length");
  query.signature = signature.Dense();
  EXPECT_EQ(MustPlace(query).signature_coverage, 1);
  signature.prompt_tokens = 16;
  query = Query("a quarter");
  query.signature = signature.Dense();
  EXPECT_EQ(MustPlace(query).signature_coverage, 0.25);
  signature.prompt_tokens = 3;
  query = Query("more than all");
  query.signature = signature.Dense();
  EXPECT_EQ(MustPlace(query).signature_coverage, 1);
}

TEST_F(RouterBlocksTest, CachesOfWorkersAreApartAndAreClearedFirst) {
  TellOfTwoBlocks();
  std::vector<Block> blocks = {{"a", SteadySignature(geometry_, 4)}};
  EXPECT_EQ(MustUpdate(Update(blocks, "p1")).blocks, 1u);
  EXPECT_EQ(Description().stored_blocks, 3u);
  EXPECT_GT(Description().stored_block_bytes, 0u);

  std::vector<Block> new_one = {{"c", SteadySignature(geometry_, 4)}};
  BlockUpdate update = Update(new_one);
  update.cleared = true;
  EXPECT_EQ(MustUpdate(update).blocks, 1u);
  EXPECT_EQ(Description().stored_blocks, 2u);
}

TEST_F(RouterBlocksTest, RemovalsTakeEffectBeforeAdditions) {
  TellOfTwoBlocks();
  const Ids removed = {"a", "b", "unknown"};
  std::vector<Block> blocks = {{"a", SteadySignature(geometry_, 2)}};
  BlockUpdate update = Update(blocks);
  update.removed = removed;
  EXPECT_EQ(MustUpdate(update).blocks, 1u);
  RegisterNodes({"a"});
  EXPECT_EQ(MustPlace(QueryOf("r", {"a", "b"}, 8)).signature_coverage, 0.25);
}

TEST_F(RouterBlocksTest, TheByteBoundHolds) {
  Router::Options options;
  options.block_store_bytes = 1000;
  Start(options, {});
  std::vector<Block> blocks;
  for (int i = 0; i < 20; ++i) {
    blocks.push_back({std::to_string(i), SteadySignature(geometry_, 4)});
  }
  const BlockUpdateResult result = MustUpdate(Update(blocks));
  EXPECT_LE(result.bytes, 1000u);
  EXPECT_GT(result.blocks, 0u);
  EXPECT_EQ(result.blocks + result.evicted, 20u);
  EXPECT_EQ(Description().blocks.evicted, result.evicted);
}

TEST_F(RouterBlocksTest, ABadUpdateIsNamedAndChangesNothing) {
  TellOfTwoBlocks();
  const std::uint64_t bytes = Description().stored_block_bytes;
  std::vector<Block> blocks = {{"c", SteadySignature(geometry_, 4)},
                               {"d", SteadySignature(geometry_, 4)}};
  const Ids no_hash = {"a", ""};
  const struct {
    std::string message;
    std::function<void(BlockUpdate&)> change;
  } cases[] = {
      {"prefill_worker: got 0 bytes, expected 1 to 256", [](auto& u) { u.prefill_worker = ""; }},
      {"removed[1]: got 0 bytes, expected 1 to 64", [&](auto& u) { u.removed = no_hash; }},
      {"stored[1].hash: got 0 bytes, expected 1 to 64", [](auto& u) { u.stored[1].hash = ""; }},
      {"stored[1].signature.tokens: got 0", [](auto& u) { u.stored[1].signature.tokens = 0; }},
      {"stored[1].signature.prompt_tokens: got 4, expected none",
       [](auto& u) { u.stored[1].signature.prompt_tokens = 4; }},
  };
  for (const auto& c : cases) {
    BlockUpdate update = Update(blocks);
    update.cleared = true;
    c.change(update);
    EXPECT_THAT(router_->UpdateBlocks(update),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)));
  }
  BlockUpdate update = Update(blocks);
  update.model = "other";
  EXPECT_THAT(router_->UpdateBlocks(update), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(Description().stored_blocks, 2u);
  EXPECT_EQ(Description().stored_block_bytes, bytes);
}

TEST_F(RouterBlocksTest, BadBlocksOfPushesAndQueriesAreNamedAndChangeNothing) {
  RegisterNodes({"a"});
  TellOfTwoBlocks();
  const auto refused = [](const std::string& message) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message));
  };
  PlacementQuery query = QueryOf("r", {"a", "a"}, 16);
  EXPECT_THAT(router_->Place(query), refused("blocks.hashes[1]: got a hash that came before"));
  query = QueryOf("r", {"a", "b"}, 7);
  EXPECT_THAT(router_->Place(query), refused("blocks.prompt_tokens: got 7, expected at least 8"));
  query = QueryOf("r", {"a"}, 16);
  query.prefill_worker = "";
  EXPECT_THAT(router_->Place(query), refused("prefill_worker: got 0 bytes, expected 1 to 256"));
  const std::string too_long(257, 'p');
  query = Query("r");
  query.prefill_worker = too_long;
  EXPECT_THAT(router_->Place(query), refused("prefill_worker: got 257 bytes"));

  SignaturePush push = PushOf("r", {"a"}, 0);
  EXPECT_THAT(router_->PushSignature(push), refused("blocks.prompt_tokens: got 0"));
  push = PushOf("r", {"a"}, 16);
  push.append = true;
  EXPECT_THAT(router_->PushSignature(push), refused("blocks: got some with append"));
  push = PushOf("r", {"a"}, 16);
  push.prefill_worker = "";
  EXPECT_THAT(router_->PushSignature(push), refused("prefill_worker: got 0 bytes"));
  push = PushOf("r", {}, 16);
  push.blocks.reset();
  EXPECT_THAT(router_->PushSignature(push),
              refused("signature: got none, expected an ExpertSignature"));
  EXPECT_EQ(Description().leases, 0u);
  EXPECT_EQ(Description().stored_signatures, 0u);
  EXPECT_EQ(Description().blocks.hits + Description().blocks.misses, 0u);
}

}  // namespace
}  // namespace eldr

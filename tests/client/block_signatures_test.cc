// Composing at the worker: the store's own tests are core's.
#include "eldr/client/block_signatures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "eldr/client/signature_builder.h"
#include "tests/support/status_matchers.h"

namespace eldr::client {
namespace {

using ::testing::HasSubstr;

class BlockSignaturesTest : public ::testing::Test {
 protected:
  BlockSignaturesTest() {
    geometry_.set_layers(2);
    geometry_.set_experts(8);
    geometry_.set_top_k(2);
    blocks_ = BlockSignatures::Create(geometry_, {}).value();
  }
  // Tokens that pick `first` and the next expert in each layer.
  v1::ExpertSignature Signature(uint32_t tokens, uint32_t first) {
    SignatureBuilder builder = SignatureBuilder::Create(geometry_).value();
    for (uint32_t i = 0; i < tokens; ++i) {
      const std::vector<uint8_t> ids = {
          static_cast<uint8_t>(first), static_cast<uint8_t>(first + 1), static_cast<uint8_t>(first),
          static_cast<uint8_t>(first + 1)};
      EXPECT_THAT(builder.AddTokens(absl::MakeConstSpan(ids)), IsOk());
    }
    return builder.Build();
  }

  v1::ModelGeometry geometry_;
  std::unique_ptr<BlockSignatures> blocks_;
};

TEST_F(BlockSignaturesTest, SumsBlocksAndFreshTokensToASignatureThatCanBePushed) {
  ASSERT_THAT(blocks_->Store("a", Signature(4, 0)), IsOk());
  ASSERT_THAT(blocks_->Store("b", Signature(4, 1)), IsOk());
  const v1::ExpertSignature fresh = Signature(2, 6);
  const auto composed = blocks_->Compose({"a", "b"}, 10, &fresh);
  ASSERT_THAT(composed, IsOk());
  ASSERT_TRUE(composed->signature.has_value());
  EXPECT_EQ(composed->signature->tokens(), 10u);
  EXPECT_EQ(composed->signature->prompt_tokens(), 10u);
  const std::string layer("\4\10\4\0\0\0\2\2", 8);
  EXPECT_EQ(composed->signature->dense().data(), layer + layer);
  EXPECT_EQ(composed->known_tokens, 10u);
  EXPECT_EQ(composed->known_blocks, 2u);
  EXPECT_EQ(composed->missing_blocks, 0u);
}

TEST_F(BlockSignaturesTest, RowsGoWithTheirBlocks) {
  ASSERT_THAT(blocks_->Store("a", Signature(4, 0)), IsOk());
  ASSERT_THAT(blocks_->Store("b", Signature(4, 1)), IsOk());
  blocks_->Remove("a");
  blocks_->Remove("unknown");
  const auto partial = blocks_->Compose({"a", "b"}, 8, nullptr);
  ASSERT_THAT(partial, IsOk());
  EXPECT_EQ(partial->known_tokens, 4u);
  EXPECT_EQ(partial->missing_blocks, 1u);
  blocks_->Clear();
  const auto nothing = blocks_->Compose({"a", "b"}, 8, nullptr);
  ASSERT_THAT(nothing, IsOk());
  EXPECT_FALSE(nothing->signature.has_value());
  const BlockSignatures::Figures figures = blocks_->GetFigures();
  EXPECT_EQ(figures.blocks, 0u);
  EXPECT_EQ(figures.bytes, 0u);
  EXPECT_EQ(figures.hits, 1u);
  EXPECT_EQ(figures.misses, 3u);
}

TEST_F(BlockSignaturesTest, TheByteBoundHolds) {
  blocks_ = BlockSignatures::Create(geometry_, {.max_bytes = 1000}).value();
  for (const char* hash : {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}) {
    ASSERT_THAT(blocks_->Store(hash, Signature(4, 0)), IsOk());
  }
  EXPECT_LE(blocks_->GetFigures().bytes, 1000u);
  EXPECT_GT(blocks_->GetFigures().blocks, 0u);
  EXPECT_EQ(blocks_->GetFigures().blocks + blocks_->GetFigures().evicted, 12u);
}

TEST_F(BlockSignaturesTest, NamesWhatIsWrongAndChangesNothing) {
  const auto refused = [](const std::string& word) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(word));
  };
  EXPECT_THAT(blocks_->Store("", Signature(4, 0)), refused("hash: got 0 bytes, expected 1 to 64"));
  v1::ExpertSignature signature = Signature(4, 0);
  signature.set_tokens(5);
  EXPECT_THAT(blocks_->Store("a", signature), refused("signature.counts: layer 0 sums to 8"));
  EXPECT_THAT(blocks_->Compose({"a"}, 9, &signature), refused("signature.counts"));
  signature.mutable_dense()->set_encoding(v1::COUNT_ENCODING_UNSPECIFIED);
  EXPECT_THAT(blocks_->Store("a", signature), refused("signature.dense.encoding: got 0"));
  signature.clear_counts();
  EXPECT_THAT(blocks_->Store("a", signature), refused("signature.counts: not given"));
  EXPECT_THAT(blocks_->Compose({"a", "a"}, 9, nullptr), refused("blocks.hashes[1]"));
  EXPECT_THAT(blocks_->Compose({"a"}, 0, nullptr), refused("blocks.prompt_tokens: got 0"));
  EXPECT_EQ(blocks_->GetFigures().blocks, 0u);
  EXPECT_EQ(blocks_->GetFigures().misses, 0u);

  EXPECT_THAT(BlockSignatures::Create(geometry_, {.max_bytes = 0}), refused("max_bytes is 0"));
  geometry_.set_top_k(9);
  EXPECT_THAT(BlockSignatures::Create(geometry_, {}), refused("top_k"));
}

}  // namespace
}  // namespace eldr::client

#include "core/signature/expert_signature.h"

#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/test_signature.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const ModelGeometry kGeometry = {2, 4, 2, {}};

std::vector<std::uint32_t> CountsOf(const ExpertSignature& signature,
                                    const ModelGeometry& geometry) {
  return signature.VisitCounts([&](const auto* counts) {
    return std::vector<std::uint32_t>(counts, counts + geometry.cells());
  });
}

// Three tokens over 2 layers x 4 experts, top-2.
TestSignature Example() {
  return {.tokens = 3,
          .prompt_tokens = {},
          .counts = {3, 2, 1, 0, 0, 1, 2, 3},
          .dense_bytes = {},
          .sparse_cells = {},
          .sparse_counts = {}};
}

TEST(ExpertSignatureTest, ReadsEveryWidthAndTheSparseForm) {
  TestSignature example = Example();
  for (const CountWidth width : {CountWidth::k8, CountWidth::k16, CountWidth::k32}) {
    const auto signature = ExpertSignature::Parse(example.Dense(width), kGeometry);
    ASSERT_THAT(signature, IsOk());
    EXPECT_EQ(signature->tokens(), 3u);
    EXPECT_THAT(CountsOf(*signature, kGeometry), ElementsAre(3, 2, 1, 0, 0, 1, 2, 3));
  }
  const auto sparse = ExpertSignature::Parse(example.Sparse(), kGeometry);
  ASSERT_THAT(sparse, IsOk());
  EXPECT_THAT(CountsOf(*sparse, kGeometry), ElementsAre(3, 2, 1, 0, 0, 1, 2, 3));
}

TEST(ExpertSignatureTest, ReadsSparseCountsOfEveryWidth) {
  for (const std::uint32_t tokens : {255u, 256u, 65'535u, 65'536u, ExpertSignature::kMaxTokens}) {
    TestSignature steady = SteadySignature(kGeometry, tokens);
    const auto signature = ExpertSignature::Parse(steady.Sparse(), kGeometry);
    ASSERT_THAT(signature, IsOk());
    EXPECT_EQ(CountsOf(*signature, kGeometry), steady.counts) << tokens;
  }
}

TEST(ExpertSignatureTest, SumsOfTheLargestLayersDoNotOverflow) {
  const ModelGeometry wide = {1, 4096, 4096, {}};
  const struct {
    CountWidth width;
    std::uint32_t tokens;
  } cases[] = {{CountWidth::k8, 255},
               {CountWidth::k16, 65'535},
               {CountWidth::k32, ExpertSignature::kMaxTokens}};
  for (const auto& c : cases) {
    TestSignature signature = SteadySignature(wide, c.tokens);
    EXPECT_THAT(ExpertSignature::Parse(signature.Dense(c.width), wide), IsOk()) << c.tokens;
  }
}

TEST(ExpertSignatureTest, ASumThatWrapsRoundIsRefused) {
  TestSignature signature = Example();
  signature.tokens = 1;  // a layer must sum to 2, and 2^32 + 2 is that in 32 bits
  signature.counts = {(1u << 31) + 1, (1u << 31) + 1, 0, 0, 1, 1, 0, 0};
  EXPECT_THAT(ExpertSignature::Parse(signature.Dense(CountWidth::k32), kGeometry),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("sums to 4294967298")));
}

TEST(ExpertSignatureTest, NamesWhatIsWrong) {
  const struct {
    std::string message;
    std::function<SignatureData(TestSignature&)> broken;
  } cases[] = {
      {"signature.tokens: got 0, expected 1 to 16777216",
       [](TestSignature& s) {
         s.tokens = 0;
         return s.Dense();
       }},
      {"signature.tokens: got 16777217, expected 1 to 16777216",
       [](TestSignature& s) {
         s.tokens = ExpertSignature::kMaxTokens + 1;
         return s.Dense();
       }},
      {"signature.prompt_tokens: got 0, expected at least 1",
       [](TestSignature& s) {
         s.prompt_tokens = 0;
         return s.Dense();
       }},
      {"signature.counts: not given, expected dense or sparse",
       [](TestSignature& s) {
         SignatureData data = s.Dense();
         data.counts = std::monostate();
         return data;
       }},
      {"signature.dense.data: got 14 bytes, expected 16 (2 layers x 4 experts x 2 bytes)",
       [](TestSignature& s) {
         s.counts.pop_back();
         return s.Dense();
       }},
      {"signature.dense.data: got 16 bytes, expected 32",
       [](TestSignature& s) {
         SignatureData data = s.Dense();
         std::get<SignatureData::Dense>(data.counts).width = CountWidth::k32;
         return data;
       }},
      {"signature.dense.data: got 0 bytes, expected 8",
       [](TestSignature& s) {
         s.counts.clear();
         return s.Dense(CountWidth::k8);
       }},
      {"signature.counts: layer 1 sums to 7, expected 6 (tokens * top_k)",
       [](TestSignature& s) {
         s.counts[4] = 1;
         return s.Dense();
       }},
      {"signature.counts: layer 0 sums to 5, expected 6",
       [](TestSignature& s) {
         s.counts[0] = 2;
         return s.Sparse();
       }},
      {"signature.counts: layer 0 has a count of 4, expected at most 3 (tokens)",
       [](TestSignature& s) {
         s.counts = {4, 2, 0, 0, 3, 3, 0, 0};
         return s.Dense(CountWidth::k8);
       }},
      {"signature.counts: all are zero",
       [](TestSignature& s) {
         s.counts.assign(8, 0);
         return s.Dense();
       }},
      {"signature.counts: all are zero",
       [](TestSignature& s) {
         s.counts.assign(8, 0);
         return s.Sparse();
       }},
      {"signature.sparse: got 6 indices and 5 counts",
       [](TestSignature& s) {
         s.Sparse();
         s.sparse_counts.pop_back();
         return SignatureData{3, {}, SignatureData::Sparse{s.sparse_cells, s.sparse_counts}};
       }},
      {"signature.sparse.indices[5]: got 8, expected less than 8 (layers * experts)",
       [](TestSignature& s) {
         const SignatureData data = s.Sparse();
         s.sparse_cells.back() = 8;
         return data;
       }},
      {"signature.sparse.indices[1]: got 0, expected more than the one before (0)",
       [](TestSignature& s) {
         const SignatureData data = s.Sparse();
         s.sparse_cells[1] = 0;
         return data;
       }},
      {"signature.sparse.indices[2]: got 0, expected more than the one before (1)",
       [](TestSignature& s) {
         const SignatureData data = s.Sparse();
         s.sparse_cells[2] = 0;
         return data;
       }},
      {"signature.sparse.counts[2]: got 0, expected 1 to 3 (tokens)",
       [](TestSignature& s) {
         const SignatureData data = s.Sparse();
         s.sparse_counts[2] = 0;
         return data;
       }},
      {"signature.sparse.counts[0]: got 4, expected 1 to 3 (tokens)",
       [](TestSignature& s) {
         const SignatureData data = s.Sparse();
         s.sparse_counts[0] = 4;
         return data;
       }},
  };
  for (const auto& c : cases) {
    TestSignature signature = Example();
    EXPECT_THAT(ExpertSignature::Parse(c.broken(signature), kGeometry),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)));
  }
}

TEST(ExpertSignatureTest, NamesTheFieldItWasToldToBe) {
  TestSignature signature = Example();
  signature.tokens = 0;
  EXPECT_THAT(ExpertSignature::Parse(signature.Dense(), kGeometry, "decode_counts"),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("decode_counts.tokens: ")));
}

TEST(ExpertSignatureTest, ALayerOfZerosIsNotCovered) {
  TestSignature example = Example();
  example.counts = {0, 0, 0, 0, 3, 3, 0, 0};
  const ExpertSignature signature = Parsed(example, kGeometry);
  EXPECT_EQ(signature.covered_layers(), 1u);
  EXPECT_FALSE(signature.LayerCovered(0));
  EXPECT_TRUE(signature.LayerCovered(1));
  EXPECT_EQ(signature.quality(), SignatureQuality::kPartial);
}

TEST(ExpertSignatureTest, IsFullWithEveryLayerAndTheWholePrompt) {
  const struct {
    std::optional<std::uint32_t> prompt_tokens;
    SignatureQuality quality;
  } cases[] = {{{}, SignatureQuality::kFull},
               {2, SignatureQuality::kFull},
               {3, SignatureQuality::kFull},
               {4, SignatureQuality::kPartial}};
  for (const auto& c : cases) {
    TestSignature signature = Example();
    signature.prompt_tokens = c.prompt_tokens;
    EXPECT_EQ(Parsed(signature, kGeometry).quality(), c.quality);
  }
}

TEST(ExpertSignatureTest, HoldsItsCountsInTheWidthTheyCameIn) {
  TestSignature example = Example();
  const auto narrow = ExpertSignature::Parse(example.Dense(CountWidth::k8), kGeometry);
  const auto wide = ExpertSignature::Parse(example.Dense(CountWidth::k32), kGeometry);
  ASSERT_THAT(narrow, IsOk());
  ASSERT_THAT(wide, IsOk());
  EXPECT_GE(narrow->bytes(), kGeometry.cells());
  EXPECT_GE(wide->bytes(), 4 * kGeometry.cells());
  EXPECT_LT(narrow->bytes(), wide->bytes());
}

}  // namespace
}  // namespace eldr

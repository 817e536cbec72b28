#include "core/signature/uncaptured.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/test_seed.h"
#include "tests/core/test_signature.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

const ModelGeometry kTopOne = {48, 16, 1, {}};

// `captured` tokens that choose at random, and `missing` ones that have `filler` in the layers from
// `first` on.
TestSignature HalfCaptured(std::uint32_t captured, std::uint32_t missing, std::uint32_t filler,
                           std::size_t first = 0, const ModelGeometry& geometry = kTopOne) {
  std::mt19937_64 rng = SeededRng();
  TestSignature signature;
  signature.tokens = captured + missing;
  signature.counts.assign(geometry.cells(), 0);
  for (std::size_t layer = 0; layer < geometry.layers; ++layer) {
    const std::uint32_t chosen = layer < first ? captured + missing : captured;
    std::uint32_t* const row = &signature.counts[layer * geometry.experts];
    for (std::uint32_t i = 0; i < chosen; ++i) ++row[rng() % geometry.experts];
    row[filler] += captured + missing - chosen;
  }
  return signature;
}

absl::Status ParseTopOne(TestSignature signature, const ModelGeometry& geometry = kTopOne) {
  return ExpertSignature::Parse(signature.Dense(CountWidth::k32), geometry).status();
}

TEST(UncapturedTest, RefusesOneExpertInAllLayers) {
  SCOPED_TRACE(SeedNote());
  const auto refused = StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("did not capture"));
  EXPECT_THAT(ParseTopOne(HalfCaptured(0, 8, 0)), refused);
  EXPECT_THAT(ParseTopOne(HalfCaptured(0, 1, 0)), refused);
  EXPECT_THAT(ParseTopOne(HalfCaptured(0, 8, 15)), refused) << "-1 cut to a byte is the last";
  EXPECT_THAT(ParseTopOne(HalfCaptured(32, 32, 0)), refused) << "a shard is missing";
  EXPECT_THAT(ParseTopOne(HalfCaptured(2000, 2000, 0)), refused);
  EXPECT_THAT(ParseTopOne(HalfCaptured(700, 300, 0)), refused);
  EXPECT_THAT(ParseTopOne(HalfCaptured(0, 64, 0, 24)), refused)
      << "a stage of the pipeline is missing";
}

TEST(UncapturedTest, NamesTheExpertAndTheField) {
  EXPECT_THAT(ParseTopOne(HalfCaptured(0, 8, 3)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("signature.counts: expert 3 has 8 of 8 tokens in layer 16")));
}

TEST(UncapturedTest, RefusesALayerThatIsAllOneExpertOfALongPrompt) {
  SCOPED_TRACE(SeedNote());
  TestSignature signature = HalfCaptured(kLongPrompt, 0, 0);
  std::fill_n(signature.counts.begin() + 5 * 16, 16, 0u);
  signature.counts[5 * 16 + 7] = kLongPrompt;
  EXPECT_THAT(ParseTopOne(signature),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("expert 7 has all 256 tokens of layer 5")));
  // Of a short one that happens.
  signature = HalfCaptured(20, 0, 0);
  std::fill_n(signature.counts.begin() + 5 * 16, 16, 0u);
  signature.counts[5 * 16 + 7] = 20;
  EXPECT_THAT(ParseTopOne(signature), IsOk());
}

TEST(UncapturedTest, AsksNothingOfModelsWhereAFillerWouldStandTwice) {
  const ModelGeometry geometry = {48, 128, 8, {}};
  EXPECT_THAT(ParseTopOne(SteadySignature(geometry, 1000), geometry), IsOk());
}

TEST(UncapturedTest, ALayerThatIsNotCoveredTellsNothing) {
  TestSignature signature = HalfCaptured(0, 8, 0);
  for (std::size_t layer = 8; layer < 40; ++layer) signature.counts[layer * 16] = 0;
  // 16 layers are left: 64 bits, not more.
  EXPECT_THAT(ParseTopOne(signature), IsOk());
}

// The choices of a real model, each of its four as if it were the only one, of prompts of every
// length: none is taken for one that was not captured.
TEST(UncapturedTest, BelievesRealRequests) {
  const std::string folder = ELDR_TEST_TRACE;
  std::ifstream file(folder + "/routed_experts.npy", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  ASSERT_GT(bytes.size(), 1'000'000u);
  const std::size_t header = 10u + static_cast<unsigned char>(bytes[8]);
  const ModelGeometry geometry = {24, 32, 1, {}};
  std::ifstream requests(folder + "/requests.csv");
  std::string line;
  std::getline(requests, line);
  int checked = 0;
  while (std::getline(requests, line)) {
    const std::vector<std::string> fields = absl::StrSplit(line, ',');
    std::uint32_t first = 0, rows = 0;
    ASSERT_TRUE(absl::SimpleAtoi(fields[3], &first) && absl::SimpleAtoi(fields[4], &rows)) << line;
    for (const std::uint32_t tokens : {1u, 4u, 64u, rows}) {
      if (tokens == 0 || tokens > rows) continue;
      for (std::size_t choice = 0; choice < 4; ++choice) {
        TestSignature signature;
        signature.tokens = tokens;
        signature.counts.assign(geometry.cells(), 0);
        for (std::size_t i = 0; i < tokens * std::size_t{24}; ++i) {
          const auto expert = static_cast<unsigned char>(
              bytes[header + (first * std::size_t{24} + i) * 4 + choice]);
          ++signature.counts[i % 24 * 32 + expert];
        }
        ASSERT_THAT(ParseTopOne(signature, geometry), IsOk())
            << line << ", " << tokens << " tokens";
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 1000);
}

}  // namespace
}  // namespace eldr

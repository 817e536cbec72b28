#include "bench/synthetic/marginals.h"

#include <filesystem>
#include <fstream>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/engines/npy_bytes.h"
#include "tests/support/status_matchers.h"

namespace eldr::synthetic {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class MarginalsTest : public ::testing::Test {
 protected:
  MarginalsTest() { std::filesystem::create_directories(folder_); }
  ~MarginalsTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& descr, const std::string& shape,
             const std::vector<std::int64_t>& counts, const std::string& languages) {
    const std::string data(reinterpret_cast<const char*>(counts.data()),
                           counts.size() * sizeof(std::int64_t));
    std::ofstream(folder_ + "/counts.npy", std::ios::binary) << engines::NpyBytes(
        absl::StrCat("{'descr': '", descr, "', 'fortran_order': False, 'shape': ", shape, "}"),
        data);
    std::ofstream(folder_ + "/languages.txt") << languages;
  }

  const std::string folder_ =
      absl::StrCat(::testing::TempDir(), "eldr_marginals_",
                   ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(MarginalsTest, TurnsCountsIntoSharesOfEachLayer) {
  Write("<i8", "(2, 1, 2)", {1, 3, 5, 5}, "en\nfr\n");
  const auto marginals = LoadMarginals(folder_);
  ASSERT_TRUE(marginals.ok()) << marginals.status();
  EXPECT_THAT(marginals->domains, ElementsAre("en", "fr"));
  EXPECT_THAT(marginals->Layer(0, 0), ElementsAre(0.25, 0.75));
  EXPECT_THAT(marginals->Layer(1, 0), ElementsAre(0.5, 0.5));
}

TEST_F(MarginalsTest, ReadsTheRealTables) {
  const auto marginals = LoadMarginals(ELDR_TEST_MARGINALS);
  ASSERT_TRUE(marginals.ok()) << marginals.status();
  EXPECT_EQ(marginals->domains.size(), 8u);
  EXPECT_EQ(marginals->layers, 48u);
  EXPECT_EQ(marginals->experts, 128u);
  const auto last = marginals->Layer(7, 47);
  EXPECT_NEAR(std::accumulate(last.begin(), last.end(), 0.0), 1, 1e-9);
}

TEST_F(MarginalsTest, CountsTheTokensOfATrace) {
  const auto marginals = LoadMarginals(ELDR_TEST_TRACE);
  ASSERT_TRUE(marginals.ok()) << marginals.status();
  EXPECT_EQ(marginals->layers, 24u);
  EXPECT_EQ(marginals->experts, 32u);
  EXPECT_THAT(marginals->domains, ::testing::Contains("law"));
  const auto first = marginals->Layer(0, 0);
  EXPECT_NEAR(std::accumulate(first.begin(), first.end(), 0.0), 1, 1e-9);
  EXPECT_NE(marginals->Layer(0, 23), marginals->Layer(1, 23));
}

TEST_F(MarginalsTest, RefusesWhatDoesNotFitTogether) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  Write("<i8", "(2, 1, 2)", {1, 3, 5, 5}, "en\n");
  EXPECT_THAT(LoadMarginals(folder_).status(),
              StatusIs(kInvalid, HasSubstr("expected (1 domains")));
  Write("<i8", "(1, 1, 3)", {1, 3, 5, 5}, "en\n");
  EXPECT_THAT(LoadMarginals(folder_).status(), StatusIs(kInvalid, HasSubstr("32 bytes of data")));
  Write("<u8", "(1, 1, 2)", {1, 3}, "en\n");
  EXPECT_THAT(LoadMarginals(folder_).status(), StatusIs(kInvalid, HasSubstr("expected <i8")));
  Write("<i8", "(1, 1, 2)", {1, -3}, "en\n");
  EXPECT_THAT(LoadMarginals(folder_).status(), StatusIs(kInvalid, HasSubstr("count -3")));
  Write("<i8", "(1, 2, 1)", {1, 0}, "en\n");
  EXPECT_THAT(LoadMarginals(folder_).status(), StatusIs(kInvalid, HasSubstr("layer 1: no counts")));
}

TEST_F(MarginalsTest, NamesAFileThatIsNotThere) {
  EXPECT_THAT(LoadMarginals(folder_ + "/none").status(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("languages.txt")));
}

}  // namespace
}  // namespace eldr::synthetic

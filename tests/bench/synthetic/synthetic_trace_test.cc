#include "bench/synthetic/synthetic_trace.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "bench/synthetic/trace_figures.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/bench/synthetic/few_layers.h"
#include "tests/support/status_matchers.h"
#include "tools/replay/trace.h"

namespace eldr::synthetic {
namespace {

using ::testing::HasSubstr;

void NoProgress(std::size_t /*done*/) {}

class SyntheticTraceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto tables = LoadMarginals(ELDR_TEST_MARGINALS);
    ASSERT_TRUE(tables.ok()) << tables.status();
    marginals_ = FewLayers(*tables, 8);
  }

  SyntheticTrace Draw(const TraceSize& size, std::uint64_t seed = 1) {
    RoutingModel::Options options;
    options.seed = seed;
    auto trace = DrawTrace(marginals_, options, size, NoProgress);
    EXPECT_TRUE(trace.ok()) << trace.status();
    return *std::move(trace);
  }

  Marginals marginals_;
};

TEST_F(SyntheticTraceTest, HasThePublishedSavingAndCorrelation) {
  const SyntheticTrace trace = Draw({256, 64, 128});
  const TraceFigures figures = MeasureTrace(trace, marginals_, 1);
  SCOPED_TRACE(DescribeFigures(figures));
  ASSERT_EQ(figures.batches.size(), 2u);  // 32 requests of a domain allow no batch of 64
  for (const BatchFigures& batch : figures.batches) {
    EXPECT_GT(batch.Saving(), 0.17) << "batch " << batch.batch;
    EXPECT_LT(batch.Saving(), 0.21) << "batch " << batch.batch;
  }
  EXPECT_GT(figures.prefill_decode_correlation, 0.70);
  EXPECT_LT(figures.prefill_decode_correlation, 0.92);
  EXPECT_GT(figures.marginal_correlation, 0.90);
}

TEST_F(SyntheticTraceTest, AMixHasItsSharesItsCopiesAndADomainWhoseDecodeGoesItsOwnWay) {
  RoutingModel::Options options;
  options.mix = {{"en", 60, 0.05, 0.2}, {"zh", 20}, {"sw", 15}, {"bn", 5, 0.6, 2.5}};
  const auto trace = DrawTrace(marginals_, options, {100, 64, 64}, NoProgress);
  ASSERT_TRUE(trace.ok()) << trace.status();
  const TraceFigures figures = MeasureTrace(*trace, marginals_, 1);
  SCOPED_TRACE(DescribeFigures(figures));
  std::map<std::string, DomainFigures> by_name;
  for (const DomainFigures& domain : figures.domains) by_name[domain.name] = domain;
  ASSERT_EQ(by_name.size(), 4u);
  EXPECT_EQ(by_name["en"].requests, 60u);
  EXPECT_EQ(by_name["bn"].requests, 5u);
  EXPECT_GT(by_name["en"].prefill_decode_correlation, 0.8);
  EXPECT_LT(by_name["bn"].prefill_decode_correlation, 0.6);
  options.mix = {{"en"}, {"xx"}};
  EXPECT_THAT(DrawTrace(marginals_, options, {8, 4, 8}, NoProgress).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"xx\"")));
}

TEST_F(SyntheticTraceTest, EqualSeedsDrawEqualTracesAndALongerOneStartsWithAShorter) {
  const SyntheticTrace trace = Draw({8, 4, 8});
  EXPECT_EQ(Draw({8, 4, 8}).ids, trace.ids);
  EXPECT_NE(Draw({8, 4, 8}, 2).ids, trace.ids);
  SyntheticTrace longer = Draw({10, 4, 8});
  longer.ids.resize(trace.ids.size());
  EXPECT_EQ(longer.ids, trace.ids);
}

TEST_F(SyntheticTraceTest, WritesWhatAReplayReads) {
  const std::string folder = absl::StrCat(::testing::TempDir(), "eldr_synthetic_trace");
  ASSERT_TRUE(WriteTrace(Draw({16, 4, 12}), "SYNTHETIC", folder).ok());
  // Loading refuses ids out of range and a token that names an expert of a layer twice.
  const auto loaded = replay::LoadTrace(folder, {0, 128});
  std::stringstream readme;
  readme << std::ifstream(folder + "/README.md").rdbuf();
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->rows.rows(), 16u * 16u);
  EXPECT_EQ(loaded->geometry.layers, 6u);
  EXPECT_EQ(loaded->geometry.top_k, 8u);
  ASSERT_EQ(loaded->requests.size(), 16u);
  EXPECT_EQ(loaded->requests[9].domain, marginals_.domains[1]);
  EXPECT_EQ(loaded->requests[9].signature_rows, 4u);
  EXPECT_EQ(loaded->requests[9].decode_rows, 12u);
  EXPECT_EQ(readme.str(), "SYNTHETIC");
}

TEST_F(SyntheticTraceTest, RefusesASizeOutOfRange) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(DrawTrace(marginals_, {}, {0, 4, 8}, NoProgress).status(),
              StatusIs(kInvalid, HasSubstr("requests 0")));
  EXPECT_THAT(DrawTrace(marginals_, {}, {8, 4, 1}, NoProgress).status(),
              StatusIs(kInvalid, HasSubstr("decode tokens 1")));
  EXPECT_THAT(DrawTrace(marginals_, {}, {100'000, 4, 100'000}, NoProgress).status(),
              StatusIs(kInvalid, HasSubstr("bytes")));
}

TEST_F(SyntheticTraceTest, NamesAFolderItCannotWrite) {
  EXPECT_THAT(WriteTrace(Draw({8, 4, 8}), "", "/dev/null/trace"),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("/dev/null/trace")));
}

}  // namespace
}  // namespace eldr::synthetic

#include "client/scrape/metrics_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "absl/strings/str_cat.h"

namespace eldr::scrape {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<MetricSample> Read(absl::string_view page, std::size_t* unreadable = nullptr) {
  std::vector<MetricSample> samples;
  const std::size_t bad = ForEachSample(
      page, [](absl::string_view) { return true; },
      [&](const MetricSample& sample) { samples.push_back(sample); });
  if (unreadable != nullptr) *unreadable = bad;
  return samples;
}

TEST(MetricsTextTest, ReadsNamesLabelsAndValues) {
  const auto samples = Read(
      "# HELP a:b_c what it is\n# TYPE a:b_c gauge\n"
      "a:b_c{x=\"1\",y=\"two words\"} 3.5\n"
      "plain 7 1700000000000\r\n"
      "  spaced { x = \"1\" , } 1e3 # {trace=\"t\"} 9\n"
      "last -Inf");
  ASSERT_THAT(samples, SizeIs(4));
  EXPECT_EQ(samples[0].name, "a:b_c");
  EXPECT_EQ(samples[0].label("x"), "1");
  EXPECT_EQ(samples[0].label("y"), "two words");
  EXPECT_EQ(samples[0].label("z"), "");
  EXPECT_EQ(samples[0].value, 3.5);
  EXPECT_EQ(samples[1].name, "plain");
  EXPECT_EQ(samples[1].value, 7);
  EXPECT_EQ(samples[2].label("x"), "1");
  EXPECT_EQ(samples[2].value, 1000);
  EXPECT_TRUE(std::isinf(samples[3].value));
}

TEST(MetricsTextTest, TakesEscapesOutOfLabels) {
  const auto samples = Read("m{a=\"q\\\"b\\\\n\\nx}\"} 1\n");
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].label("a"), "q\"b\\n\nx}");
}

TEST(MetricsTextTest, PassesOverWhatIsNoSample) {
  std::string labels;
  for (std::size_t i = 0; i <= kMaxLabels; ++i) absl::StrAppend(&labels, "l", i, "=\"v\",");
  for (const std::string& line : {std::string("m"), std::string("m "), std::string("m x"),
                                  std::string("m{"), std::string("m{a} 1"), std::string("m{a=} 1"),
                                  std::string("m{a=\"} 1"), std::string("m{=\"b\"} 1"),
                                  std::string("m{a=\"b\" 1"), absl::StrCat("m{", labels, "} 1")}) {
    std::size_t unreadable = 0;
    EXPECT_THAT(Read(line, &unreadable), IsEmpty()) << line;
    EXPECT_EQ(unreadable, 1u) << line;
  }
  std::size_t unreadable = 0;
  EXPECT_THAT(Read("<html>\n{\"a\": 1}\n\n\n#\n \t\n", &unreadable), IsEmpty());
  EXPECT_EQ(unreadable, 0u);
}

TEST(MetricsTextTest, LooksAtWantedNamesOnly) {
  std::vector<std::string> seen;
  const std::size_t unreadable = ForEachSample(
      "a 1\nb{ 1\nc 2\n", [](absl::string_view name) { return name == "c"; },
      [&](const MetricSample& sample) { seen.emplace_back(sample.name); });
  EXPECT_THAT(seen, ElementsAre("c"));
  EXPECT_EQ(unreadable, 0u);
}

}  // namespace
}  // namespace eldr::scrape

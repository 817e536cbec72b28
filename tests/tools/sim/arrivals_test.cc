// Arrivals, mixes and the shares of the label baseline.
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tools/sim/arrival_file.h"
#include "tools/sim/arrival_process.h"
#include "tools/sim/domain_backend.h"
#include "tools/sim/domain_mix.h"

namespace eldr::sim {
namespace {

using ::testing::HasSubstr;

struct Gaps {
  double mean = 0;
  double coefficient_of_variation = 0;
};

Gaps GapsOf(ArrivalProcess& process, int count) {
  double sum = 0, squares = 0;
  absl::Duration last;
  for (int i = 0; i < count; ++i) {
    const absl::Duration now = process.Next().time;
    EXPECT_GE(now, last);
    const double gap = absl::ToDoubleSeconds(now - last);
    last = now;
    sum += gap;
    squares += gap * gap;
  }
  const double mean = sum / count;
  return {mean, std::sqrt(squares / count - mean * mean) / mean};
}

TEST(ArrivalProcessTest, GammaGapsHaveTheirMeanAndVariation) {
  for (const double variation : {0.5, 1.0, 2.0, 4.0}) {
    SCOPED_TRACE(variation);
    const Gaps gaps = GapsOf(*MakeGammaProcess(10, variation, 7), 200'000);
    EXPECT_NEAR(gaps.mean, 0.1, 0.005);
    EXPECT_NEAR(gaps.coefficient_of_variation / variation, 1, 0.05);
  }
}

TEST(ArrivalProcessTest, ARecordGoesRoundAtTheAskedRate) {
  const std::vector<RecordedArrival> record = {
      {absl::Seconds(0), 10, 1}, {absl::Seconds(1), 20, 2}, {absl::Seconds(8), 30, 3}};
  const auto process = MakeRecordedProcess(record, 2, 5);
  std::uint64_t last = 0;
  absl::Duration time;
  for (int i = 0; i < 300; ++i) {
    const RecordedArrival arrival = process->Next();
    if (i == 0) {
      EXPECT_EQ(arrival.time, absl::ZeroDuration());
    } else {
      EXPECT_EQ(arrival.prompt_tokens, last == 30 ? 10 : last + 10);
    }
    EXPECT_GE(arrival.time, time);
    time = arrival.time;
    last = arrival.prompt_tokens;
  }
  EXPECT_NEAR(absl::ToDoubleSeconds(time), 150, 4);
}

TEST(ArrivalFileTest, ReadsBothForms) {
  const auto mooncake = ParseMooncakeArrivals(
      "{\"timestamp\": 1500, \"input_length\": 7, \"output_length\": 5, \"hash_ids\": [1]}\n"
      "{\"timestamp\": 500, \"input_length\": 9, \"output_length\": 6}\n");
  ASSERT_THAT(mooncake, IsOk());
  ASSERT_EQ(mooncake->size(), 2u);
  EXPECT_EQ((*mooncake)[0].prompt_tokens, 9u);
  EXPECT_EQ((*mooncake)[1].time, absl::Seconds(1));
  EXPECT_EQ((*mooncake)[1].output_tokens, 5u);

  const auto azure = ParseAzureArrivals(
      "TIMESTAMP,ContextTokens,GeneratedTokens\n"
      "2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:47.1805900,396,109\n");
  ASSERT_THAT(azure, IsOk());
  EXPECT_EQ((*azure)[1].time, absl::Milliseconds(500));
  EXPECT_EQ((*azure)[1].prompt_tokens, 396u);
}

TEST(ArrivalFileTest, ErrorsNameTheLine) {
  const auto refused = [](const char* message) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message));
  };
  EXPECT_THAT(ParseMooncakeArrivals("{\"timestamp\": 1, \"input_length\": 1}\n").status(),
              refused("line 1: output_length: expected a whole number"));
  EXPECT_THAT(ParseMooncakeArrivals("\nnonsense\n").status(), refused("line 2: expected a JSON"));
  EXPECT_THAT(ParseAzureArrivals("TIMESTAMP,ContextTokens,GeneratedTokens\nnoon,1,1\n").status(),
              refused("line 2: TIMESTAMP \"noon\""));
  EXPECT_THAT(ParseAzureArrivals("TIMESTAMP,ContextTokens,GeneratedTokens\n").status(),
              refused("expected at least two"));
  EXPECT_THAT(ReadArrivals("arrivals.txt").status(), refused("*.jsonl"));
}

replay::Trace TraceOfDomains(const std::vector<std::string>& domains) {
  replay::Trace trace;
  for (const std::string& domain : domains) {
    replay::TraceRequest request;
    request.domain = domain;
    trace.requests.push_back(request);
  }
  return trace;
}

TEST(DomainMixTest, DriftsFromOneMixToTheOther) {
  const replay::Trace trace = TraceOfDomains({"a", "a", "b"});
  MixDrift drift;
  drift.from = {{"a", 1}};
  drift.to = {{"b", 2}};
  drift.start = absl::Seconds(10);
  drift.end = absl::Seconds(20);
  const auto mix =
      DomainMix::Create(MixKind::kDrift, drift, absl::Seconds(30), trace, {0, 1, 2}, 1);
  ASSERT_THAT(mix, IsOk());
  replay::RandomStream stream(1, 1);
  const auto share_of_b = [&](absl::Duration time) {
    int count = 0;
    for (int i = 0; i < 20'000; ++i) count += mix->Draw(time, stream) == 2 ? 1 : 0;
    return count / 20'000.0;
  };
  EXPECT_EQ(share_of_b(absl::Seconds(10)), 0);
  EXPECT_NEAR(share_of_b(absl::Seconds(15)), 0.5, 0.02);
  EXPECT_EQ(share_of_b(absl::Seconds(20)), 1);
}

TEST(DomainMixTest, SkewedWeighsDomainsByRank) {
  const replay::Trace trace = TraceOfDomains({"a", "b", "b", "b"});
  const auto mix =
      DomainMix::Create(MixKind::kSkewed, {}, absl::Seconds(30), trace, {0, 1, 2, 3}, 1);
  ASSERT_THAT(mix, IsOk());
  replay::RandomStream stream(1, 1);
  int a = 0;
  for (int i = 0; i < 30'000; ++i) a += mix->Draw(absl::Seconds(1), stream) == 0 ? 1 : 0;
  const double share = a / 30'000.0;
  EXPECT_LT(std::min(std::abs(share - 2.0 / 3), std::abs(share - 1.0 / 3)), 0.02) << share;
}

TEST(DomainMixTest, RefusesAMixThatThePoolDoesNotHave) {
  const replay::Trace trace = TraceOfDomains({"a"});
  MixDrift drift;
  drift.from = {{"a", 1}};
  drift.to = {{"zoology", 1}};
  EXPECT_THAT(DomainMix::Create(MixKind::kDrift, drift, absl::Seconds(30), trace, {0}, 1).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("drift.to")));
}

TEST(ShareOutTest, SharesNodesInProportion) {
  const auto shares = ShareOut({{"a", 6}, {"b", 2}, {"c", 0.1}}, {"0", "1", "2", "3", "4"});
  EXPECT_EQ(shares.at("a").size(), 3u);
  EXPECT_EQ(shares.at("b").size(), 1u);
  EXPECT_EQ(shares.at("c").size(), 1u);
  std::set<std::string> all;
  for (const auto& [domain, nodes] : shares) all.insert(nodes.begin(), nodes.end());
  EXPECT_EQ(all.size(), 5u);
}

TEST(ShareOutTest, DomainsShareTooFewNodes) {
  const auto shares = ShareOut({{"a", 5}, {"b", 3}, {"c", 2}}, {"0", "1"});
  EXPECT_EQ(shares.at("a"), std::vector<std::string>{"0"});
  EXPECT_EQ(shares.at("b"), std::vector<std::string>{"1"});
  EXPECT_EQ(shares.at("c"), std::vector<std::string>{"1"});
}

}  // namespace
}  // namespace eldr::sim

// The engine on the part of the gpt-oss-20b trace that ships, and on a trace small enough to follow
// by hand.
#include "tools/replay/replay.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/invalid_argument.h"
#include "tests/support/status_matchers.h"
#include "tests/tools/replay/naive_backend.h"
#include "tests/tools/replay/trace_folder.h"

namespace eldr::replay {
namespace {

using ::testing::HasSubstr;

class ScriptedArrivals final : public ArrivalSource {
 public:
  // After the last of them, nothing arrives for a very long time.
  explicit ScriptedArrivals(std::vector<Arrival> arrivals) : arrivals_(std::move(arrivals)) {}
  Arrival Next() override {
    if (next_ < arrivals_.size()) return arrivals_[next_++];
    Arrival never;
    never.time = absl::Hours(1000);
    never.output_tokens = 1;
    return never;
  }

 private:
  const std::vector<Arrival> arrivals_;
  std::size_t next_ = 0;
};

// One layer of 4 experts, top-1, a signature of one row. Request a decodes on experts 0 and 1 in
// turn, b on 2 only. A step takes 1 ms and 1 ms for each distinct expert.
class SmallReplayTest : public ::testing::Test {
 protected:
  SmallReplayTest() {
    folder_.WriteExperts({3, 0, 1, 3, 2, 2}, 1, 1);
    folder_.WriteRequests("request,domain,category,token_offset,tokens\na,x,,0,3\nb,y,,3,3\n");
    auto trace = LoadTrace(folder_.path(), {1, 0});
    EXPECT_THAT(trace, IsOk());
    trace_ = *std::move(trace);
    options_.nodes = 1;
    options_.warmup = absl::ZeroDuration();
    options_.duration = absl::Seconds(1);
    options_.step_time.base = absl::Milliseconds(1);
    options_.step_time.all_experts = absl::Milliseconds(4);
    options_.step_time.per_request = absl::ZeroDuration();
  }

  static Arrival At(absl::Duration time, std::size_t request, std::uint32_t tokens) {
    Arrival arrival;
    arrival.time = time;
    arrival.trace_request = request;
    arrival.output_tokens = tokens;
    return arrival;
  }

  absl::StatusOr<ReplayResult> Run(std::vector<Arrival> arrivals, NaiveBackend& backend) {
    ScriptedArrivals scripted(std::move(arrivals));
    return Replay(trace_, options_, scripted, backend);
  }

  TraceFolder folder_;
  Trace trace_;
  ReplayOptions options_;
};

TEST_F(SmallReplayTest, ARequestAloneTakesAStepPerToken) {
  NaiveBackend backend(NaivePolicy::kRoundRobin, trace_.geometry, 1);
  const auto result = Run({At(absl::Milliseconds(5), 0, 5)}, backend);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->time_per_output_token.count, 1u);
  EXPECT_EQ(result->time_per_output_token.p50, absl::Milliseconds(2));
  EXPECT_EQ(result->between_tokens.p50, absl::Milliseconds(2));
  EXPECT_EQ(result->steps, 5u);
  EXPECT_EQ(result->distinct_experts_per_layer, 1);
  EXPECT_EQ(backend.released().at("a.0").time, absl::Milliseconds(15));
  EXPECT_EQ(backend.released().at("a.0").output_tokens, 5u);
}

// b arrives in the middle of a's first step, [0, 2), and joins at 2. Steps of both take 3 ms: a's
// last three tokens come at 5, 8, 11; b's at 5, 8, 11 and, alone, 13.
TEST_F(SmallReplayTest, ARequestJoinsAtTheNextStepBoundary) {
  NaiveBackend backend(NaivePolicy::kRoundRobin, trace_.geometry, 1);
  const auto result =
      Run({At(absl::ZeroDuration(), 0, 4), At(absl::Milliseconds(1), 1, 4)}, backend);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(backend.released().at("a.0").time, absl::Milliseconds(11));
  EXPECT_EQ(backend.released().at("b.1").time, absl::Milliseconds(13));
  EXPECT_EQ(result->by_domain.at("x").mean, absl::Milliseconds(11) / 4);
  EXPECT_EQ(result->by_domain.at("y").mean, absl::Milliseconds(12) / 4);
  // Three steps of 2 requests on 2 experts, two of 1 on 1.
  EXPECT_DOUBLE_EQ(result->distinct_experts_per_layer, (3 * 2 * 2 + 2.0) / (3 * 2 + 2));
  EXPECT_DOUBLE_EQ(result->mean_batch, 8.0 / 5);
}

// With room for one, b waits until a is done at 4 and its wait counts.
TEST_F(SmallReplayTest, ARequestWithoutRoomWaitsInArrivalOrder) {
  NaiveBackend backend(NaivePolicy::kRoundRobin, trace_.geometry, 1);
  backend.set_capacity(1);
  const auto result = Run({At(absl::ZeroDuration(), 0, 2), At(absl::Milliseconds(1), 1, 1),
                           At(absl::Milliseconds(2), 0, 1)},
                          backend);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(backend.released().at("a.0").time, absl::Milliseconds(4));
  EXPECT_EQ(backend.released().at("b.1").time, absl::Milliseconds(6));
  EXPECT_EQ(backend.released().at("a.2").time, absl::Milliseconds(8));
  EXPECT_EQ(result->waited, 2u);
  EXPECT_EQ(result->by_domain.at("y").mean, absl::Milliseconds(5));
}

TEST_F(SmallReplayTest, CopiesOfARequestAreCounted) {
  NaiveBackend backend(NaivePolicy::kRoundRobin, trace_.geometry, 1);
  const absl::Duration start = absl::ZeroDuration();
  const auto result = Run({At(start, 0, 2), At(start, 0, 1), At(start, 1, 1)}, backend);
  ASSERT_THAT(result, IsOk());
  // The second found one live, the third two copies of it.
  EXPECT_DOUBLE_EQ(result->mean_live_copies, (1 + 2) / 2.0);
  // The first step had one request, the second three, of which two are copies.
  EXPECT_DOUBLE_EQ(result->mean_batch_copies, (1 + 1.5) / 2);
}

TEST_F(SmallReplayTest, ABackendThatPlacesNothingEndsTheReplay) {
  class Nowhere final : public NaiveBackend {
   public:
    using NaiveBackend::NaiveBackend;
    absl::StatusOr<std::optional<std::string>> Place(MonotonicTime, const PlaceQuery&) override {
      return std::nullopt;
    }
  };
  Nowhere backend(NaivePolicy::kRoundRobin, trace_.geometry, 1);
  EXPECT_THAT(Run({At(absl::ZeroDuration(), 0, 2)}, backend),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("\"a.0\" waits")));
}

TEST_F(SmallReplayTest, RefusesOptionsOutOfRange) {
  NaiveBackend backend(NaivePolicy::kRoundRobin, trace_.geometry, 1);
  options_.nodes = 0;
  EXPECT_THAT(Run({}, backend), StatusIs(kInvalid, HasSubstr("nodes 0")));
  options_.nodes = 1;
  options_.warmup = options_.duration;
  EXPECT_THAT(Run({}, backend), StatusIs(kInvalid, HasSubstr("warmup 1s")));
  options_.warmup = absl::ZeroDuration();
  options_.heartbeat_interval = absl::ZeroDuration();
  EXPECT_THAT(Run({}, backend), StatusIs(kInvalid, HasSubstr("heartbeat_interval 0")));
}

TEST_F(SmallReplayTest, ProgressCanEndTheReplay) {
  NaiveBackend backend(NaivePolicy::kRoundRobin, trace_.geometry, 1);
  ScriptedArrivals arrivals({At(absl::ZeroDuration(), 0, 1'000'000)});
  EXPECT_THAT(Replay(trace_, options_, arrivals, backend,
                     [](const ReplayProgress&) { return absl::CancelledError("enough"); }),
              StatusIs(absl::StatusCode::kCancelled, "enough"));
}

// The real trace, 8 nodes, long enough for a few hundred measured requests.
class RealReplayTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto trace = LoadTrace(ELDR_TEST_TRACE, {});
    ASSERT_THAT(trace, IsOk());
    trace_ = new Trace(*std::move(trace));
  }
  static void TearDownTestSuite() { delete trace_; }

  RealReplayTest() {
    options_.warmup = absl::Seconds(8);
    options_.duration = absl::Seconds(24);
  }

  ReplayResult Run(NaiveBackend& backend, std::uint64_t seed, OutputLength output = {}) {
    PoissonWorkload::Options workload;
    workload.requests_per_second = 3.0 * options_.nodes;
    workload.output = output;
    workload.seed = seed;
    auto arrivals = PoissonWorkload::Create(workload, *trace_);
    EXPECT_THAT(arrivals, IsOk());
    auto result = Replay(*trace_, options_, **arrivals, backend);
    EXPECT_THAT(result, IsOk());
    return result.ok() ? *result : ReplayResult{};
  }

  static const Trace* trace_;
  ReplayOptions options_;
};

const Trace* RealReplayTest::trace_ = nullptr;

TEST_F(RealReplayTest, EveryRequestFinishesOnceWithItsTokens) {
  NaiveBackend backend(NaivePolicy::kRoundRobin, trace_->geometry, 1);
  const ReplayResult result = Run(backend, 1, {OutputLength::Kind::kFixed, 100});
  EXPECT_GT(result.time_per_output_token.count, 300u);
  EXPECT_EQ(result.arrivals, backend.placed());
  EXPECT_EQ(backend.placed(), backend.released().size() + backend.live());
  double tokens = 0;
  for (const auto& [id, released] : backend.released()) {
    EXPECT_EQ(released.output_tokens, 100u) << id;
    tokens += static_cast<double>(released.output_tokens);
  }
  // One token per request and step; what the live ones have so far is less than all of theirs.
  EXPECT_GE(backend.reported_batch_sum(), tokens);
  EXPECT_LE(backend.reported_batch_sum(), tokens + 100.0 * static_cast<double>(backend.live()));
  std::uint64_t of_domains = 0;
  for (const auto& [domain, summary] : result.by_domain) of_domains += summary.count;
  EXPECT_EQ(of_domains, result.time_per_output_token.count);
}

TEST_F(RealReplayTest, EqualSeedsGiveEqualNumbers) {
  for (const auto policy : {NaivePolicy::kLeastLoaded, NaivePolicy::kRoundRobin}) {
    NaiveBackend first(policy, trace_->geometry, 5), second(policy, trace_->geometry, 5);
    const ReplayResult a = Run(first, 5), b = Run(second, 5);
    EXPECT_EQ(a.time_per_output_token.p99, b.time_per_output_token.p99);
    EXPECT_EQ(a.time_per_output_token.mean, b.time_per_output_token.mean);
    EXPECT_EQ(a.distinct_experts_per_layer, b.distinct_experts_per_layer);
    EXPECT_EQ(a.simulated_time, b.simulated_time);
    NaiveBackend third(policy, trace_->geometry, 5);
    EXPECT_NE(Run(third, 6).time_per_output_token.mean, a.time_per_output_token.mean);
  }
}

TEST_F(RealReplayTest, AtOneNodeAllPoliciesAreOne) {
  options_.nodes = 1;
  std::vector<ReplayResult> results;
  for (const auto policy :
       {NaivePolicy::kRoundRobin, NaivePolicy::kLeastLoaded, NaivePolicy::kResidency}) {
    NaiveBackend backend(policy, trace_->geometry, 1);
    results.push_back(Run(backend, 3));
  }
  for (const ReplayResult& result : results) {
    EXPECT_EQ(result.time_per_output_token.p50, results[0].time_per_output_token.p50);
    EXPECT_EQ(result.time_per_output_token.p99, results[0].time_per_output_token.p99);
    EXPECT_EQ(result.distinct_experts_per_layer, results[0].distinct_experts_per_layer);
  }
}

TEST_F(RealReplayTest, TheTextbookResidencyPolicySavesExperts) {
  NaiveBackend least_loaded(NaivePolicy::kLeastLoaded, trace_->geometry, 1);
  NaiveBackend residency(NaivePolicy::kResidency, trace_->geometry, 1);
  const ReplayResult balanced = Run(least_loaded, 1), local = Run(residency, 1);
  EXPECT_LT(local.distinct_experts_per_layer, 0.92 * balanced.distinct_experts_per_layer);
  EXPECT_LT(local.time_per_output_token.p50, 0.92 * balanced.time_per_output_token.p50);
}

}  // namespace
}  // namespace eldr::replay

#include "tools/replay/workload.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/invalid_argument.h"
#include "tests/support/status_matchers.h"

namespace eldr::replay {
namespace {

using ::testing::HasSubstr;

Trace TraceOf(std::vector<std::uint32_t> decode_rows) {
  Trace trace;
  for (const std::uint32_t rows : decode_rows) {
    trace.requests.emplace_back().decode_rows = rows;
  }
  return trace;
}

PoissonWorkload::Options OptionsOf(double rate, OutputLength output, std::uint64_t seed) {
  PoissonWorkload::Options options;
  options.requests_per_second = rate;
  options.output = output;
  options.seed = seed;
  return options;
}

TEST(WorkloadTest, ArrivesAtItsRateAndDrawsEveryRequest) {
  const Trace trace = TraceOf({10, 20, 30, 40});
  const auto workload = PoissonWorkload::Create(OptionsOf(5, {}, 1), trace);
  ASSERT_THAT(workload, IsOk());
  std::vector<int> drawn(4);
  MonotonicTime last;
  for (int i = 0; i < 40'000; ++i) {
    const Arrival arrival = (*workload)->Next();
    EXPECT_GE(arrival.time, last);
    EXPECT_EQ(arrival.output_tokens, 256u);
    last = arrival.time;
    ++drawn[arrival.trace_request];
  }
  EXPECT_NEAR(absl::ToDoubleSeconds(last), 8000, 160);
  for (const int count : drawn) EXPECT_NEAR(count, 10'000, 400);
}

// Whoever asks for other lengths still gets the same requests at the same times.
TEST(WorkloadTest, OutputLengthsDoNotMoveArrivals) {
  const Trace trace = TraceOf({10, 20, 30, 40});
  const OutputLength trace_length{OutputLength::Kind::kTrace, 0};
  const OutputLength drawn_length{OutputLength::Kind::kExponential, 100};
  const auto by_trace = PoissonWorkload::Create(OptionsOf(5, trace_length, 9), trace);
  const auto drawn = PoissonWorkload::Create(OptionsOf(5, drawn_length, 9), trace);
  double sum = 0;
  for (int i = 0; i < 20'000; ++i) {
    const Arrival a = (*by_trace)->Next();
    const Arrival b = (*drawn)->Next();
    EXPECT_EQ(a.time, b.time);
    EXPECT_EQ(a.trace_request, b.trace_request);
    EXPECT_EQ(a.output_tokens, trace.requests[a.trace_request].decode_rows);
    EXPECT_GE(b.output_tokens, 1u);
    sum += b.output_tokens;
  }
  EXPECT_NEAR(sum / 20'000, 100, 3);
}

TEST(WorkloadTest, ParsesOutputLengths) {
  EXPECT_EQ(ParseOutputLength("256")->kind, OutputLength::Kind::kFixed);
  EXPECT_EQ(ParseOutputLength("256")->tokens, 256);
  EXPECT_EQ(ParseOutputLength("trace")->kind, OutputLength::Kind::kTrace);
  EXPECT_EQ(ParseOutputLength("exp:50")->kind, OutputLength::Kind::kExponential);
  EXPECT_EQ(ParseOutputLength("exp:50")->tokens, 50);
  for (const char* text : {"", "0", "-1", "x", "exp:", "exp:0", "2000000", "1.5"}) {
    EXPECT_THAT(ParseOutputLength(text), StatusIs(kInvalid, HasSubstr("output tokens \""))) << text;
  }
}

TEST(WorkloadTest, RefusesRatesThatAreNone) {
  const Trace trace = TraceOf({10});
  for (const double rate : {0.0, -1.0}) {
    EXPECT_THAT(PoissonWorkload::Create(OptionsOf(rate, {}, 1), trace),
                StatusIs(kInvalid, HasSubstr("requests_per_second")));
  }
}

}  // namespace
}  // namespace eldr::replay

#include "bench/micro/decision_goals.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/micro/f32_scoring.h"
#include "bench/micro/interleaved.h"
#include "bench/micro/loaded_fleet.h"
#include "benchmark/benchmark.h"

namespace eldr {
namespace {

struct Limit {
  std::size_t nodes;
  double ratio;
};
constexpr Limit kLimits[] = {{16, 0.9}, {64, 0.6}, {256, 0.5}, {1024, 0.2}};
constexpr double kReleaseLimit = 0.5;
constexpr std::size_t kReleaseNodes = 16;
constexpr std::size_t kRounds = 200;
// Rows scored per batch at least, so that a batch takes 50 us or more whatever the fleet.
constexpr std::size_t kRowsPerBatch = 256;

}  // namespace

Goal AtMost(std::string name, double value, double limit) {
  return {std::move(name), absl::StrCat("<= ", limit), value, value <= limit};
}
Goal AtLeast(std::string name, double value, double limit) {
  return {std::move(name), absl::StrCat(">= ", limit), value, value >= limit};
}

std::vector<Goal> MeasureDecisionGoals(absl::string_view policy) {
  std::vector<Goal> goals;
  if (!F32Scoring::Supported()) return goals;
  for (const Limit& limit : kLimits) {
    LoadedFleet::Shape shape;
    shape.policy = std::string(policy);
    shape.nodes = limit.nodes;
    LoadedFleet fleet(shape);
    F32Scoring scoring(limit.nodes, BenchGeometry().cells());
    const std::size_t calls = std::max<std::size_t>(kRowsPerBatch / limit.nodes, 1);
    const auto repeat = [calls](auto call) {
      return Contender{calls, [calls, call] {
                         for (std::size_t i = 0; i < calls; ++i) call();
                       }};
    };
    std::vector<Contender> contenders;
    contenders.push_back(repeat([&] { fleet.Place(); }));
    contenders.push_back(repeat([&] { fleet.Release(); }));
    contenders.push_back(repeat([&] { benchmark::DoNotOptimize(scoring.Score()); }));
    const Interleaved run(std::move(contenders), kRounds);
    absl::FPrintF(stderr, "%-14s %5d nodes: decision %8.2f us, release %6.2f us, f32 %8.2f us\n",
                  std::string(policy), limit.nodes, 1e6 * run.Seconds(0), 1e6 * run.Seconds(1),
                  1e6 * run.Seconds(2));
    goals.push_back(
        AtMost(absl::StrCat(policy, ": decision / f32 scoring, ", limit.nodes, " nodes"),
               run.Ratio(0, 2), limit.ratio));
    if (limit.nodes == kReleaseNodes) {
      goals.push_back(AtMost(absl::StrCat(policy, ": release / decision, ", limit.nodes, " nodes"),
                             run.Ratio(1, 0), kReleaseLimit));
    }
  }
  return goals;
}

}  // namespace eldr

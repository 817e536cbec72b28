#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_format.h"
#include "tools/sim/report.h"

namespace eldr::sim {
namespace {

constexpr std::size_t kStatistics = 4;  // P50, P95, P99, mean

struct Line {
  std::string policy;
  std::array<double, kStatistics> milliseconds{};
  double experts = 0;
  double batch = 0;
  double spread = 0;
  double copies = 0;
  double requests = 0;
  double goodput = 0;
};

std::array<double, kStatistics> StatisticsOf(const replay::TimeSummary& times) {
  return {absl::ToDoubleMilliseconds(times.p50), absl::ToDoubleMilliseconds(times.p95),
          absl::ToDoubleMilliseconds(times.p99), absl::ToDoubleMilliseconds(times.mean)};
}

std::vector<Line> LinesOf(const SimConfig& config, const SimResult& result) {
  std::vector<Line> lines;
  const double weight = 1.0 / config.seeds;
  for (std::size_t i = 0; i < result.cells.size(); ++i) {
    if (i % config.seeds == 0) lines.push_back({});
    Line& line = lines.back();
    const replay::ReplayResult& replay = result.cells[i].replay;
    line.policy = result.cells[i].policy;
    const auto statistics = StatisticsOf(replay.time_per_output_token);
    for (std::size_t k = 0; k < kStatistics; ++k) line.milliseconds[k] += weight * statistics[k];
    line.experts += weight * replay.distinct_experts_per_layer;
    line.batch += weight * replay.mean_batch;
    line.spread += weight * replay.mean_load_spread;
    line.copies += weight * replay.mean_live_copies;
    line.requests += weight * static_cast<double>(replay.time_per_output_token.count);
    line.goodput += weight * replay.goodput;
  }
  return lines;
}

bool IsBalancer(const std::string& policy) {
  return policy == "round_robin" || policy == "random" || policy == "least_loaded" ||
         policy == "power_of_two";
}

// Per statistic; infinite if no balancer ran.
std::array<double, kStatistics> BestBalancer(const std::vector<Line>& lines) {
  std::array<double, kStatistics> best;
  best.fill(std::numeric_limits<double>::infinity());
  for (const Line& line : lines) {
    if (!IsBalancer(line.policy)) continue;
    for (std::size_t k = 0; k < kStatistics; ++k) best[k] = std::min(best[k], line.milliseconds[k]);
  }
  return best;
}

}  // namespace

std::string FormatTable(const SimConfig& config, const SimResult& result) {
  const std::vector<Line> lines = LinesOf(config, result);
  const std::array<double, kStatistics> best = BestBalancer(lines);
  const bool compare = absl::c_any_of(lines, [](const Line& l) { return IsBalancer(l.policy); });
  const bool limited = config.replay.time_limit < absl::InfiniteDuration();
  std::string text = absl::StrFormat(
      "%d requests of the trace (%d too short), %d of them replayed; %d nodes, %g requests per\n"
      "second, %.0f measured, mean of %d seeds. Milliseconds per output token%s.\n\n"
      "%-21s %7s %7s %7s %7s %8s %6s %7s %7s",
      result.trace_requests, result.left_out, result.cells.front().pool, config.replay.nodes,
      config.traffic.rate, lines.front().requests, config.seeds,
      compare ? ", and change against the best balancer" : "", "policy", "P50", "P95", "P99",
      "mean", "experts", "batch", "spread", "copies");
  if (limited) absl::StrAppendFormat(&text, " %8s", "good/s");
  if (compare) absl::StrAppendFormat(&text, "  %7s %7s %7s %7s", "P50", "P95", "P99", "mean");
  text += "\n";
  for (const Line& line : lines) {
    absl::StrAppendFormat(&text, "%-21s", line.policy);
    for (const double value : line.milliseconds) absl::StrAppendFormat(&text, " %7.2f", value);
    absl::StrAppendFormat(&text, " %8.2f %6.1f %7.2f %7.2f", line.experts, line.batch, line.spread,
                          line.copies);
    if (limited) absl::StrAppendFormat(&text, " %8.2f", line.goodput);
    if (compare) text += " ";
    for (std::size_t k = 0; compare && k < kStatistics; ++k) {
      const double change = 100 * (line.milliseconds[k] / best[k] - 1);
      absl::StrAppendFormat(&text, " %+6.1f%%", change);
    }
    text += "\n";
  }
  if (absl::c_any_of(result.cells, [](const CellResult& cell) { return cell.fitted_in_sample; })) {
    text += "\nThe locality band was fitted to the requests that are replayed.\n";
  }
  return text;
}

}  // namespace eldr::sim

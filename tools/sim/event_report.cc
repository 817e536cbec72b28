#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "tools/sim/event_replay.h"

namespace eldr::sim {
namespace {

double Change(double value, double base) { return base > 0 ? 100 * (value / base - 1) : 0; }

}  // namespace

std::string FormatEventTable(absl::Span<const EventReplayResult> results) {
  std::string table =
      absl::StrFormat("%-22s %10s %9s %7s %18s %16s %11s\n", "policy", "placements", "same node",
                      "refused", "experts added", "step, ms", "load spread");
  const EventReplayResult& base = results.front();
  for (const EventReplayResult& result : results) {
    const double placements = std::max<double>(1, static_cast<double>(result.placements));
    absl::StrAppendFormat(
        &table, "%-22s %10d %8.1f%% %7d %9.2f (%+.1f%%) %8.3f (%+.1f%%) %11.2f\n", result.policy,
        result.placements, 100 * static_cast<double>(result.same_node) / placements, result.refused,
        result.marginal_experts, Change(result.marginal_experts, base.marginal_experts),
        1e3 * result.step_seconds, Change(result.step_seconds, base.step_seconds),
        result.load_spread);
  }
  return table;
}

std::string FormatEventJson(absl::Span<const EventReplayResult> results) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const EventReplayResult& result : results) {
    list.push_back({{"policy", result.policy},
                    {"placements", result.placements},
                    {"same_node", result.same_node},
                    {"refused", result.refused},
                    {"marginal_experts", result.marginal_experts},
                    {"step_ms", 1e3 * result.step_seconds},
                    {"load_spread", result.load_spread}});
  }
  return nlohmann::ordered_json{{"results", list}}.dump(2) + "\n";
}

}  // namespace eldr::sim

#include "tools/demo/policy_table.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace eldr::demo {
namespace {

// What is compared: distinct_experts_per_layer, then percentiles in milliseconds.
std::array<double, 4> FiguresOf(const replay::ReplayResult& result) {
  const replay::TimeSummary& time = result.time_per_output_token;
  return {result.distinct_experts_per_layer, absl::ToDoubleMilliseconds(time.p50),
          absl::ToDoubleMilliseconds(time.p95), absl::ToDoubleMilliseconds(time.p99)};
}

}  // namespace

std::string FormatPolicyTable(const std::vector<PolicyRow>& rows) {
  const auto base = std::find_if(rows.begin(), rows.end(),
                                 [](const PolicyRow& row) { return row.policy == "least_loaded"; });
  std::string table = absl::StrFormat(
      "%-14s %26s  %25s   %s\n%-14s %26s  %7s %8s %8s   %7s %7s %7s %7s\n", "", "",
      "ms per output token", "change against least_loaded", "policy", "distinct_experts_per_layer",
      "P50", "P95", "P99", "experts", "P50", "P95", "P99");
  for (auto row = rows.begin(); row != rows.end(); ++row) {
    const std::array<double, 4> figures = FiguresOf(row->result);
    absl::StrAppendFormat(&table, "%-14s %26.2f  %7.2f %8.2f %8.2f  ", row->policy, figures[0],
                          figures[1], figures[2], figures[3]);
    for (std::size_t i = 0; i < figures.size(); ++i) {
      if (base == rows.end() || row == base) {
        absl::StrAppendFormat(&table, " %7s", "-");
        continue;
      }
      const double before = FiguresOf(base->result)[i];
      absl::StrAppendFormat(&table, " %+6.1f%%", 100 * (figures[i] - before) / before);
    }
    absl::StrAppend(&table, "\n");
  }
  return table;
}

}  // namespace eldr::demo

#include "client/engines/routed_experts.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace eldr::engines {
namespace {

// Below 2^-64 no model has chosen it.
constexpr double kImpossibleBits = 64;

// A token that the engine did not capture has one id in all its layers, mostly 0. With a top_k of 2
// or more that id stands twice in a layer, and was refused before.
bool NotCaptured(absl::Span<const std::uint16_t> row, const RoutedExperts& routed,
                 std::uint32_t experts) {
  if (routed.top_k != 1) return false;
  const double bits = static_cast<double>(row.size() - 1) * std::log2(static_cast<double>(experts));
  return bits > kImpossibleBits &&
         std::all_of(row.begin(), row.end(), [&](std::uint16_t id) { return id == row.front(); });
}

}  // namespace

absl::StatusOr<std::uint64_t> EndOf(const RowRange& rows, std::uint64_t tokens) {
  const std::uint64_t end = rows.end.value_or(tokens);
  if (rows.begin < end && end <= tokens) return end;
  return absl::InvalidArgumentError(absl::StrCat(
      "rows ", rows.begin, ":", end, ", expected A < B within its ", tokens, " tokens"));
}

absl::StatusOr<ExpertCounts> CountExperts(const RoutedExperts& routed, std::uint32_t experts,
                                          std::uint64_t begin, std::uint64_t end) {
  if (const auto checked = EndOf({begin, end}, routed.tokens); !checked.ok()) {
    return checked.status();
  }
  if (end - begin > kMaxTokens) {
    return absl::InvalidArgumentError(
        absl::StrCat("rows ", begin, ":", end, ", expected at most ", kMaxTokens, " tokens"));
  }
  if (experts > kMaxCells || routed.layers > kMaxCells || routed.layers * experts > kMaxCells) {
    return absl::InvalidArgumentError(absl::StrCat(
        routed.layers, " layers of ", experts, " experts, expected at most ", kMaxCells, " cells"));
  }
  ExpertCounts result;
  result.tokens = static_cast<std::uint32_t>(end - begin);
  result.counts.resize(routed.layers * experts);
  for (std::uint64_t token = begin; token < end; ++token) {
    const absl::Span<const std::uint16_t> row = routed.Row(token);
    if (NotCaptured(row, routed, experts)) {
      return absl::InvalidArgumentError(
          absl::StrCat("token ", token, ": expert id ", row.front(), " in all ", row.size(),
                       " layers, expected an expert for each: the engine did not capture it"));
    }
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row[i] >= experts) {
        return absl::InvalidArgumentError(absl::StrCat("token ", token, ", layer ",
                                                       i / routed.top_k, ": expert id ", row[i],
                                                       ", expected below ", experts));
      }
      ++result.counts[i / routed.top_k * experts + row[i]];
    }
  }
  return result;
}

}  // namespace eldr::engines

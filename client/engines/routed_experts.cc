#include "client/engines/routed_experts.h"

#include "absl/strings/str_cat.h"

namespace eldr::engines {

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

#include "tools/replay/expert_rows.h"

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"

namespace eldr::replay {

absl::StatusOr<ExpertRows> ExpertRows::Create(const RoutedExperts& experts,
                                              const ModelGeometry& geometry) {
  ExpertRows result;
  result.words_ = (geometry.cells() + 63) / 64;
  result.bits_.resize(experts.tokens * result.words_);
  for (std::size_t token = 0; token < experts.tokens; ++token) {
    const absl::Span<const std::uint16_t> ids = experts.Row(token);
    std::uint64_t* row = &result.bits_[token * result.words_];
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const std::size_t layer = i / experts.top_k;
      if (ids[i] >= geometry.experts) {
        return absl::InvalidArgumentError(absl::StrCat("token ", token, ", layer ", layer,
                                                       ": expert id ", ids[i], ": expected below ",
                                                       geometry.experts));
      }
      const std::size_t cell = layer * geometry.experts + ids[i];
      const std::uint64_t bit = std::uint64_t{1} << (cell % 64);
      if ((row[cell / 64] & bit) != 0) {
        return absl::InvalidArgumentError(absl::StrCat(
            "token ", token, ", layer ", layer, ": expert id ", ids[i], " stands there twice"));
      }
      row[cell / 64] |= bit;
    }
  }
  return result;
}

std::uint32_t StepUnion::Count(absl::Span<const std::size_t> batch_rows) {
  std::fill(bits_.begin(), bits_.end(), 0);
  for (const std::size_t row : batch_rows) {
    const std::uint64_t* from = rows_.Row(row).data();
    // Row by row, not word by word: this order vectorises.
    for (std::size_t word = 0; word < bits_.size(); ++word) bits_[word] |= from[word];
  }
  int count = 0;
  for (const std::uint64_t word : bits_) count += std::popcount(word);
  return static_cast<std::uint32_t>(count);
}

}  // namespace eldr::replay

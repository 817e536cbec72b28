// What all forms are decoded to: the experts of each token, or how often each was picked.
#ifndef ELDR_CLIENT_ENGINES_ROUTED_EXPERTS_H_
#define ELDR_CLIENT_ENGINES_ROUTED_EXPERTS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "client/engines/geometry.h"

namespace eldr::engines {

// Which rows, each of one token: from the first one to the one before the end.
struct RowRange {
  std::uint64_t begin = 0;
  std::optional<std::uint64_t> end;  // not set: to the last
};

// Where the range ends among `tokens` rows. INVALID_ARGUMENT unless begin < end <= tokens.
absl::StatusOr<std::uint64_t> EndOf(const RowRange& rows, std::uint64_t tokens);

// The expert ids that each token was routed to.
struct RoutedExperts {
  std::size_t tokens = 0;
  std::size_t layers = 0;  // MoE layers, where the geometry told which those are
  std::size_t top_k = 0;
  std::vector<std::uint16_t> ids;  // token by token, layer by layer; each below kMaxExperts

  absl::Span<const std::uint16_t> Row(std::size_t token) const {
    return absl::MakeConstSpan(ids).subspan(token * layers * top_k, layers * top_k);
  }
};

// How often the tokens picked each expert.
struct ExpertCounts {
  std::uint32_t tokens = 0;           // covered
  std::vector<std::uint32_t> counts;  // layers * experts: counts[layer * experts + expert]
};

// Counts the tokens from `begin` to `end` - 1. INVALID_ARGUMENT if begin < end <= tokens does not
// hold, there are more than kMaxTokens of them or kMaxCells of cells, an id is not below `experts`,
// or a token's ids are such as an engine leaves that did not capture them.
absl::StatusOr<ExpertCounts> CountExperts(const RoutedExperts& routed, std::uint32_t experts,
                                          std::uint64_t begin, std::uint64_t end);

}  // namespace eldr::engines

#endif  // ELDR_CLIENT_ENGINES_ROUTED_EXPERTS_H_

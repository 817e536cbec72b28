// The experts of each token as bits, so that the union over a batch is a few word operations.
#ifndef ELDR_TOOLS_REPLAY_EXPERT_ROWS_H_
#define ELDR_TOOLS_REPLAY_EXPERT_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "client/engines/routed_experts.h"
#include "core/model/model_geometry.h"

namespace eldr::replay {

using engines::RoutedExperts;

// One row per token; bit layer * experts + expert of a row is set if the token was routed to that
// expert. Immutable, so it may be read from many threads.
class ExpertRows {
 public:
  ExpertRows() = default;
  // INVALID_ARGUMENT, naming the token, if an id is not below geometry.experts or a token names an
  // expert of a layer twice. REQUIRES: the geometry has the layers and top_k of `experts`.
  static absl::StatusOr<ExpertRows> Create(const RoutedExperts& experts,
                                           const ModelGeometry& geometry);

  std::size_t rows() const { return words_ == 0 ? 0 : bits_.size() / words_; }
  std::size_t words() const { return words_; }
  absl::Span<const std::uint64_t> Row(std::size_t row) const {
    return absl::MakeConstSpan(bits_).subspan(row * words_, words_);
  }

 private:
  std::size_t words_ = 0;  // of 64 bits, per row
  std::vector<std::uint64_t> bits_;
};

// Counts the distinct experts of a decode step, exactly.
class StepUnion {
 public:
  // `rows` must outlive it.
  explicit StepUnion(const ExpertRows& rows) : rows_(rows), bits_(rows.words()) {}

  // How many (layer, expert) at least one of the rows activates.
  std::uint32_t Count(absl::Span<const std::size_t> batch_rows);

 private:
  const ExpertRows& rows_;
  std::vector<std::uint64_t> bits_;  // kept to save the allocation
};

}  // namespace eldr::replay

#endif  // ELDR_TOOLS_REPLAY_EXPERT_ROWS_H_

// The counts of a KV block, packed.
#ifndef ELDR_CORE_PREFIX_BLOCK_ROW_H_
#define ELDR_CORE_PREFIX_BLOCK_ROW_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/types/span.h"
#include "core/model/model_geometry.h"
#include "core/signature/expert_signature.h"

namespace eldr {

// An exact copy of a signature's counts in the smaller of two forms: every count, or the counts
// that are not zero with the gaps between them; numbers as narrow as the largest allows. A short
// block picks few of the experts, a long one most of them.
//
// Movable; a const row may be read from many threads.
class BlockRow {
 public:
  // REQUIRES: the signature is one of a model of this geometry.
  BlockRow(const ExpertSignature& signature, const ModelGeometry& geometry);

  // Adds the counts to `sums`, one per cell.
  void AddTo(absl::Span<std::uint32_t> sums) const;

  std::uint32_t tokens() const { return tokens_; }
  // True if every layer is covered.
  bool whole() const { return whole_; }
  // Heap bytes held.
  std::size_t bytes() const;

 private:
  std::uint32_t tokens_;
  std::uint32_t entries_ = 0;  // counts that are kept
  bool whole_;
  bool sparse_ = false;
  CountWidth gap_width_ = CountWidth::k8;
  CountWidth count_width_ = CountWidth::k8;
  // If sparse, entries_ gaps: how many cells lie between a count and the one before. Then entries_
  // counts.
  std::unique_ptr<std::uint8_t[]> data_;
};

}  // namespace eldr

#endif  // ELDR_CORE_PREFIX_BLOCK_ROW_H_

// Routed experts for the tokens of prompts that were recorded without them: a SYNTHETIC join.
#ifndef ELDR_BENCH_PREFIX_BLOCK_ROUTING_H_
#define ELDR_BENCH_PREFIX_BLOCK_ROUTING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "bench/prefix/block_trace.h"
#include "core/model/model_geometry.h"

namespace eldr::prefix {

// A block's tokens take the experts of real tokens, chosen by the ids of the block and of the
// conversation it is in, so that equal blocks route alike wherever they come. A conversation (what
// follows the first block, which most prompts share) keeps to one real request. Immutable.
class BlockRouting {
 public:
  // Reads routed_experts.npy and requests.csv (tools/replay/trace.h) of a folder. `seed` chooses
  // who is joined with whom.
  static absl::StatusOr<BlockRouting> Load(const std::string& folder, std::uint64_t seed);

  const ModelGeometry& geometry() const { return geometry_; }
  std::size_t requests() const { return requests_.size(); }

  // Adds the experts of the prompt's tokens [first, last) to `counts`, one per cell, token by
  // token: what the gates of a prefill of these tokens would count. REQUIRES: last <=
  // prompt.tokens.
  void Count(const Prompt& prompt, std::uint32_t first, std::uint32_t last,
             absl::Span<std::uint32_t> counts) const;

 private:
  struct Rows {
    std::size_t first = 0;
    std::size_t count = 0;
  };
  // Where a block's tokens are taken from; from the last row on it goes on with the first.
  struct Place {
    const Rows* rows;
    std::size_t start;
  };
  Place PlaceOf(const Prompt& prompt, std::size_t block) const;

  ModelGeometry geometry_;
  std::uint64_t seed_ = 0;
  std::vector<Rows> requests_;
  // The cells that each real token picked, layers * top_k of them.
  std::vector<std::uint32_t> cells_;
};

}  // namespace eldr::prefix

#endif  // ELDR_BENCH_PREFIX_BLOCK_ROUTING_H_

// Replays prompts on prefill workers with KV caches, and composes the signature of each.
#ifndef ELDR_BENCH_PREFIX_PREFIX_REPLAY_H_
#define ELDR_BENCH_PREFIX_PREFIX_REPLAY_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "bench/prefix/block_routing.h"
#include "bench/prefix/block_trace.h"
#include "core/base/clock.h"

namespace eldr::prefix {

struct PrefixOptions {
  std::size_t workers = 4;
  std::size_t cache_blocks = 4000;  // per worker
  // Bounds of the block signatures: of each worker's own, and of the router's for all of them.
  std::size_t worker_bytes = std::size_t{256} << 20;
  std::size_t router_bytes = std::size_t{64} << 20;
};

// Where signatures are composed: at each worker from its own cache's blocks (eldr::client), or in
// one store of the router for all workers.
struct SideResult {
  std::uint64_t complete = 0;    // prompts of which every token was known
  double coverage = 0;           // sum over prompts of the share that was known
  std::uint64_t mismatches = 0;  // complete ones that are not what a cold prefill counts
  std::uint64_t hits = 0;        // blocks asked for and found
  std::uint64_t misses = 0;
  std::uint64_t evicted = 0;
  std::uint64_t blocks = 0;           // held at the end, of all workers
  std::uint64_t bytes = 0;            // that they take
  std::uint64_t peak_bytes = 0;       // at the most
  std::vector<absl::Duration> times;  // of each composition
};

struct PrefixResult {
  std::uint64_t prompts = 0;
  std::uint64_t tokens = 0;
  std::uint64_t cached_tokens = 0;   // that prefill did not compute
  std::uint64_t cached_prompts = 0;  // prompts with any
  double fresh_coverage = 0;         // sum over prompts of the share that is computed afresh
  SideResult worker;
  SideResult router;
  std::uint64_t mismatches() const { return worker.mismatches + router.mismatches; }
};

// Prompts go to workers by their conversation, as a gateway with affinity sends them. Each worker
// takes the longest cached head of the prompt, computes the rest, and tells of the blocks it stored
// and freed; then the signature is composed from the cached blocks and the counts of the rest, and
// compared with a count of every token. `progress` hears the number of prompts done.
absl::StatusOr<PrefixResult> ReplayPrompts(absl::Span<const Prompt> prompts,
                                           const BlockRouting& routing,
                                           const PrefixOptions& options, const Clock& clock,
                                           const std::function<void(std::size_t)>& progress);

}  // namespace eldr::prefix

#endif  // ELDR_BENCH_PREFIX_PREFIX_REPLAY_H_

// The signature of a prompt whose prefix came from the prefill worker's KV cache.
#ifndef ELDR_CLIENT_BLOCK_SIGNATURES_H_
#define ELDR_CLIENT_BLOCK_SIGNATURES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "eldr/v1/models.pb.h"
#include "eldr/v1/signature.pb.h"

namespace eldr::client {

// The gate does not run for tokens that prefill takes from its cache, so the counts of such a
// prompt are those of its fresh tokens only. This keeps the counts of each block as long as the
// block is in the worker's cache, and sums those of a prompt: exactly the signature of a prefill
// from nothing.
//
//   auto blocks = BlockSignatures::Create(geometry, {});   // a v1::ModelGeometry; one per worker
//   // After a prefill, for each block that it filled and the engine caches from now on:
//   (*blocks)->Store(hash, builder.Build());               // a SignatureBuilder, per block
//   // The request's signature: cached blocks by their hashes, the rest by its own counts.
//   auto composed = (*blocks)->Compose(cached_hashes, prompt_tokens, &fresh_signature);
//   if (composed->signature) *push.mutable_signature() = *composed->signature;
//   // As the engine's cache events say:
//   (*blocks)->Remove(hash);
//   (*blocks)->Clear();
//
// A hash names a block and all that precedes it, 1 to 64 bytes. A row may stand for a run of
// consecutive blocks, under the hash of the last; the rows of one prompt must not overlap.
//
// Thread-safe. Errors are INVALID_ARGUMENT, name what is wrong, and change nothing.
class BlockSignatures {
 public:
  struct Options {
    // The most memory that rows take, at least 1; those that were stored or composed longest ago go
    // first. 4,000 tokens in blocks of 16 take at most 1.6 MB for 48 layers of 128 experts.
    std::size_t max_bytes = std::size_t{1} << 30;
  };

  struct Composed {
    // With the prompt_tokens that were asked for. Not set if nothing is known: push nothing then.
    std::optional<v1::ExpertSignature> signature;
    uint32_t known_tokens = 0;  // that the signature covers
    uint32_t known_blocks = 0;
    uint32_t missing_blocks = 0;
  };

  // What is held, and what happened since the start.
  struct Figures {
    uint64_t blocks = 0;
    uint64_t bytes = 0;
    uint64_t hits = 0;     // blocks that Compose asked for and found
    uint64_t misses = 0;   // and did not find
    uint64_t evicted = 0;  // rows that went for max_bytes
  };

  // Refuses a geometry outside of the limits that v1::ModelGeometry states.
  static absl::StatusOr<std::unique_ptr<BlockSignatures>> Create(const v1::ModelGeometry& geometry,
                                                                 Options options);
  ~BlockSignatures();
  BlockSignatures(const BlockSignatures&) = delete;
  BlockSignatures& operator=(const BlockSignatures&) = delete;

  // Stores or replaces the counts of a block's own tokens.
  absl::Status Store(absl::string_view hash, const v1::ExpertSignature& signature);
  // Forgets a block; an unknown one is ignored.
  void Remove(absl::string_view hash);
  // Forgets all blocks.
  void Clear();

  // Sums what is known of a prompt of `prompt_tokens` tokens: the blocks `hashes`, at most 4,096
  // and none twice, and the counts of its other tokens, `fresh`; null if there are none. A layer
  // that one of the parts does not cover is not covered.
  absl::StatusOr<Composed> Compose(absl::Span<const absl::string_view> hashes,
                                   uint32_t prompt_tokens, const v1::ExpertSignature* fresh);

  Figures GetFigures() const;

 private:
  struct State;  // keeps the store out of what is installed
  explicit BlockSignatures(std::unique_ptr<State> state);

  const std::unique_ptr<State> state_;
};

}  // namespace eldr::client

#endif  // ELDR_CLIENT_BLOCK_SIGNATURES_H_

// Signatures of KV blocks, for prompts whose prefix was cached.
//
// The gate does not run for tokens that prefill takes from its cache, so the counts of a prompt
// with a cached prefix are those of its fresh tokens only. The store keeps the counts of each block
// as long as the block lives in a worker's cache; the sum over a prompt's blocks and its fresh
// tokens is, exactly, the signature of a prefill from nothing.
//
//   BlockSignatureStore store(geometry, 64 << 20);
//   store.Store("p0", hash, BlockRow(signature, geometry));
//   auto composition = store.Compose("p0", hashes, prompt_tokens, &fresh);
#ifndef ELDR_CORE_PREFIX_BLOCK_SIGNATURE_STORE_H_
#define ELDR_CORE_PREFIX_BLOCK_SIGNATURE_STORE_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/model/model_geometry.h"
#include "core/prefix/block_row.h"
#include "core/signature/expert_signature.h"

namespace eldr {

// What is known of a prompt.
struct Composition {
  // Not set if nothing is known. Its prompt_tokens are those that were asked for, so it is FULL if
  // every token is known, else PARTIAL. A layer that one of its parts does not cover is not
  // covered.
  std::optional<ExpertSignature> signature;
  std::uint32_t known_tokens = 0;  // that the signature covers
  std::uint32_t known_blocks = 0;
  std::uint32_t missing_blocks = 0;
};

// Rows by (worker, hash): a hash names a block and all that precedes it, but each worker has a
// cache of its own. A row may stand for a run of consecutive blocks, under the hash of the last;
// the rows of one prompt must not overlap. Not thread-safe.
class BlockSignatureStore {
 public:
  static constexpr std::size_t kMaxHashBytes = 64;
  static constexpr std::size_t kMaxBlocksOfPrompt = 4096;

  // Since the start.
  struct Counters {
    std::uint64_t hits = 0;     // blocks that a composition asked for and found
    std::uint64_t misses = 0;   // and did not find
    std::uint64_t evicted = 0;  // rows that went for the byte bound
    // Compositions by what came out: all of the prompt, part of it, nothing.
    std::uint64_t full = 0;
    std::uint64_t partial = 0;
    std::uint64_t none = 0;
  };

  // Holds at most `max_bytes`, keys and the overhead of containers included (estimated).
  BlockSignatureStore(const ModelGeometry& geometry, std::size_t max_bytes);
  BlockSignatureStore(const BlockSignatureStore&) = delete;
  BlockSignatureStore& operator=(const BlockSignatureStore&) = delete;

  // Stores or replaces the row of a block. Answers how many rows, of any worker, had to go for the
  // byte bound: those that were stored or composed longest ago. A row that is larger than the bound
  // goes itself. REQUIRES: CheckBlockHash(hash) is OK.
  std::size_t Store(absl::string_view worker, absl::string_view hash, BlockRow row);
  // True if the row was there.
  bool Remove(absl::string_view worker, absl::string_view hash);
  // Removes all rows of a worker and answers how many.
  std::size_t Clear(absl::string_view worker);

  // Sums what is known of a prompt of `prompt_tokens` tokens: the rows of `hashes`, and the counts
  // of its other tokens, if given. INVALID_ARGUMENT, with nothing changed or counted, for more than
  // kMaxBlocksOfPrompt hashes, one that is malformed or comes twice, prompt_tokens that are out of
  // range or are not those of `fresh`, or if the parts cover more tokens than the prompt has.
  absl::StatusOr<Composition> Compose(absl::string_view worker,
                                      absl::Span<const absl::string_view> hashes,
                                      std::uint32_t prompt_tokens, const ExpertSignature* fresh);

  // Rows, of one worker or of all.
  std::size_t blocks(absl::string_view worker) const;
  std::size_t blocks() const { return entries_.size(); }
  std::size_t bytes() const { return bytes_; }
  const Counters& counters() const { return counters_; }

 private:
  struct Worker;
  struct Entry {
    Worker* worker;
    std::string hash;
    BlockRow row;
  };
  using Entries = std::list<Entry>;  // used last first
  struct Worker {
    std::string name;
    // The keys point into the entries.
    absl::flat_hash_map<absl::string_view, Entries::iterator> rows;
  };

  static std::size_t BytesOf(const Entry& entry);
  static std::size_t BytesOf(const Worker& worker);
  Worker& FindOrAddWorker(absl::string_view name);
  // nullptr if it has no rows.
  const Worker* FindWorker(absl::string_view name) const;
  // Drops the worker too with its last row.
  void Drop(Entries::iterator entry);
  // Sums found_ and `fresh`, which cover `tokens` in all.
  std::optional<ExpertSignature> Sum(const ExpertSignature* fresh, std::uint32_t tokens,
                                     std::uint32_t prompt_tokens);

  const ModelGeometry geometry_;
  const std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  Counters counters_;
  Entries entries_;
  absl::flat_hash_map<std::string, std::unique_ptr<Worker>> workers_;

  // Kept from call to call for their buffers.
  std::vector<Entries::iterator> found_;
  std::vector<std::uint32_t> sums_;
  std::vector<std::uint8_t> packed_;
};

// INVALID_ARGUMENT, naming `field`, unless a block's hash has 1 to kMaxHashBytes bytes.
absl::Status CheckBlockHash(absl::string_view hash, absl::string_view field);

}  // namespace eldr

#endif  // ELDR_CORE_PREFIX_BLOCK_SIGNATURE_STORE_H_

// What prefill workers tell of signatures and blocks, and what they are answered.
#ifndef ELDR_CORE_INTAKE_PUSH_H_
#define ELDR_CORE_INTAKE_PUSH_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/signature/expert_signature.h"

namespace eldr {

// The KV blocks of a prompt, in its order, that are in a prefill worker's cache.
struct PromptBlocks {
  std::vector<absl::string_view> hashes;  // 1 to 64 bytes each; at most 4,096, none twice
  std::uint32_t prompt_tokens = 0;        // of the whole prompt, at least 1
};

struct SignaturePush {
  absl::string_view model;
  absl::string_view request_id;
  absl::string_view prefill_worker;
  std::optional<SignatureData> signature;  // required without blocks
  bool append = false;
  std::optional<std::uint32_t> append_at;
  std::optional<PromptBlocks> blocks;  // not with append
};

struct PushResult {
  std::uint32_t tokens = 0;  // that the stored signature covers now
  // MISSING if nothing is stored: no block was known, and no signature given.
  SignatureQuality quality = SignatureQuality::kPartial;
  bool updated_lease = false;
};

// A block that a cache holds now.
struct StoredBlock {
  absl::string_view hash;
  SignatureData signature;
};

// What changed in a prefill worker's cache; it must outlive the call it is passed to.
struct BlockUpdate {
  absl::string_view model;
  absl::string_view prefill_worker;
  bool cleared = false;                          // first, all blocks are gone
  absl::Span<const std::string* const> removed;  // then these; unknown ones are ignored
  std::vector<StoredBlock> stored;               // then these are there
};

struct BlockUpdateResult {
  std::uint64_t blocks = 0;   // of the worker
  std::uint64_t bytes = 0;    // of the model's blocks
  std::uint64_t evicted = 0;  // by this call
};

}  // namespace eldr

#endif  // ELDR_CORE_INTAKE_PUSH_H_

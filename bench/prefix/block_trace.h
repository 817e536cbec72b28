// Prompts as the KV blocks they are made of, from a file.
#ifndef ELDR_BENCH_PREFIX_BLOCK_TRACE_H_
#define ELDR_BENCH_PREFIX_BLOCK_TRACE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace eldr::prefix {

// Tokens of a block of the Mooncake traces.
inline constexpr std::uint32_t kBlockTokens = 512;

struct Prompt {
  std::uint32_t tokens = 0;           // at least 1
  std::vector<std::uint64_t> blocks;  // ids, in order; the last may be filled in part
  // Blocks that are filled, which an engine can cache.
  std::size_t full_blocks() const { return tokens / kBlockTokens; }
};

// An object per line with input_length and hash_ids (Mooncake); other keys are ignored.
// INVALID_ARGUMENT, naming the line, if one is malformed, the ids are not as many as the blocks
// that the length takes, or one comes twice in a prompt; or if there is no prompt.
absl::StatusOr<std::vector<Prompt>> ParsePrompts(absl::string_view text);
// The same for a file; errors start with its path.
absl::StatusOr<std::vector<Prompt>> ReadPrompts(const std::string& path);

}  // namespace eldr::prefix

#endif  // ELDR_BENCH_PREFIX_BLOCK_TRACE_H_

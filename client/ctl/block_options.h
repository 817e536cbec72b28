// KV blocks on the command line.
#ifndef ELDR_CLIENT_CTL_BLOCK_OPTIONS_H_
#define ELDR_CLIENT_CTL_BLOCK_OPTIONS_H_

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/ctl/signature_source.h"
#include "eldr/v1/placement.pb.h"

namespace eldr::ctl {

// The blocks of a prompt that are in its prefill worker's cache.
struct PromptBlocksSource {
  std::vector<std::string> hashes;  // in hexadecimal digits

  bool IsGiven() const { return !hashes.empty(); }
};

// Declares --blocks, which needs --prompt-tokens and --prefill-worker. REQUIRES: both are declared.
void AddPromptBlocksOption(CLI::App& app, PromptBlocksSource& source);

// A block's hash from hexadecimal digits, two for each byte. INVALID_ARGUMENT, naming `option`.
absl::StatusOr<std::string> ParseHash(absl::string_view option, absl::string_view digits);

// Sets the blocks of a push or a query, if some are given.
absl::Status SetPromptBlocks(const PromptBlocksSource& source, const SignatureSource& signature,
                             v1::PromptBlocks& blocks);

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_BLOCK_OPTIONS_H_

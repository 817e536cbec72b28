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

// Sets the blocks that `source` names. INVALID_ARGUMENT for what is no hash.
absl::Status SetPromptBlocks(const PromptBlocksSource& source, const SignatureSource& signature,
                             v1::PromptBlocks& blocks);

// Sets what a push or a query tells of its prompt: the signature and the blocks that are given.
template <typename Request>
absl::Status SetPrompt(const SignatureSource& signature, const PromptBlocksSource& blocks,
                       const std::string& model, client::Client& client, Request& request) {
  if (signature.IsGiven()) {
    absl::StatusOr<v1::ExpertSignature> loaded = LoadSignature(signature, model, client);
    if (!loaded.ok()) return loaded.status();
    *request.mutable_signature() = *std::move(loaded);
  }
  if (!blocks.IsGiven()) return absl::OkStatus();
  return SetPromptBlocks(blocks, signature, *request.mutable_blocks());
}

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_BLOCK_OPTIONS_H_

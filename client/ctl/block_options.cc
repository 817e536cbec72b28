#include "client/ctl/block_options.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace eldr::ctl {

void AddPromptBlocksOption(CLI::App& app, PromptBlocksSource& source) {
  app.add_option("--blocks", source.hashes,
                 "Hashes of the prompt's cached blocks, in order, in hexadecimal digits")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("HASH,...")
      ->needs(app.get_option("--prompt-tokens"))
      ->needs(app.get_option("--prefill-worker"));
}

absl::StatusOr<std::string> ParseHash(absl::string_view option, absl::string_view digits) {
  if (digits.empty() || digits.size() % 2 != 0 ||
      !std::all_of(digits.begin(), digits.end(), absl::ascii_isxdigit)) {
    return absl::InvalidArgumentError(absl::StrCat(
        option, ": \"", digits, "\" is no hash, expected hexadecimal digits, two for each byte"));
  }
  return absl::HexStringToBytes(digits);
}

absl::Status SetPromptBlocks(const PromptBlocksSource& source, const SignatureSource& signature,
                             v1::PromptBlocks& blocks) {
  for (const std::string& digits : source.hashes) {
    absl::StatusOr<std::string> hash = ParseHash("--blocks", digits);
    if (!hash.ok()) return hash.status();
    blocks.add_hashes(*std::move(hash));
  }
  blocks.set_prompt_tokens(signature.prompt_tokens.value_or(0));
  return absl::OkStatus();
}

}  // namespace eldr::ctl

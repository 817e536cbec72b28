#include "bench/prefix/block_trace.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/base/status_macros.h"
#include "core/signature/expert_signature.h"
#include "tools/replay/file_contents.h"

namespace eldr::prefix {
namespace {

absl::StatusOr<Prompt> ParsePrompt(absl::string_view record) {
  const nlohmann::json object =
      nlohmann::json::parse(record.begin(), record.end(), nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return absl::InvalidArgumentError("expected a JSON object");
  const auto length = object.find("input_length");
  if (length == object.end() || !length->is_number_unsigned() || *length == 0 ||
      *length > ExpertSignature::kMaxTokens) {
    return absl::InvalidArgumentError(absl::StrCat("input_length: expected a whole number of 1 to ",
                                                   ExpertSignature::kMaxTokens));
  }
  const auto ids = object.find("hash_ids");
  if (ids == object.end() || !ids->is_array()) {
    return absl::InvalidArgumentError("hash_ids: expected a list of block ids");
  }
  Prompt prompt;
  prompt.tokens = length->get<std::uint32_t>();
  absl::flat_hash_set<std::uint64_t> seen;
  for (const auto& id : *ids) {
    if (!id.is_number_unsigned() || !seen.insert(id.get<std::uint64_t>()).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("hash_ids, number ", prompt.blocks.size(),
                       ": expected a whole number that did not come before"));
    }
    prompt.blocks.push_back(id.get<std::uint64_t>());
  }
  const std::size_t expected = (prompt.tokens + kBlockTokens - 1) / kBlockTokens;
  if (prompt.blocks.size() != expected) {
    return absl::InvalidArgumentError(absl::StrCat("hash_ids: got ", prompt.blocks.size(),
                                                   " ids, expected ", expected,
                                                   " for an input_length of ", prompt.tokens));
  }
  return prompt;
}

}  // namespace

absl::StatusOr<std::vector<Prompt>> ParsePrompts(absl::string_view text) {
  std::vector<Prompt> prompts;
  std::size_t line = 0;
  for (const absl::string_view record : absl::StrSplit(text, '\n')) {
    ++line;
    if (record.find_first_not_of(" \t\r") == absl::string_view::npos) continue;
    absl::StatusOr<Prompt> prompt = ParsePrompt(record);
    if (!prompt.ok()) return replay::Annotate(prompt.status(), absl::StrCat("line ", line));
    prompts.push_back(*std::move(prompt));
  }
  if (prompts.empty()) return absl::InvalidArgumentError("expected at least one prompt");
  return prompts;
}

absl::StatusOr<std::vector<Prompt>> ReadPrompts(const std::string& path) {
  ELDR_ASSIGN_OR_RETURN(const std::string text, replay::ReadFile(path));
  auto prompts = ParsePrompts(text);
  if (!prompts.ok()) return replay::Annotate(prompts.status(), path);
  return prompts;
}

}  // namespace eldr::prefix

#include "core/intake/known_signature.h"

#include "absl/strings/str_cat.h"

namespace eldr {

KnownSignature KnownOf(const StoredSignature* stored, const Lease* lease) {
  if (stored != nullptr) {
    const ExpertSignature& signature = stored->signature;
    return {signature.quality(), signature.tokens(), signature.covers_prompt(), stored->appended,
            &signature};
  }
  if (lease == nullptr) return {};
  return {lease->quality, lease->signature_tokens, lease->whole_prompt, lease->appended, nullptr};
}

bool MayGrow(const ExpertSignature& signature, bool appended) {
  if (signature.quality() == SignatureQuality::kPartial) return true;
  // Chunks of a prompt whose length nobody told: any of them may be the last.
  return appended && !signature.prompt_tokens();
}

bool Replaces(const ExpertSignature& whole, const KnownSignature& known) {
  const bool partial = whole.quality() == SignatureQuality::kPartial;
  if (partial && known.quality == SignatureQuality::kFull) return false;
  // Of two that both claim to cover the prompt, the later one is believed.
  const bool beginning = known.appended || (partial && known.quality == SignatureQuality::kPartial);
  return !(beginning && whole.tokens() < known.tokens);
}

absl::StatusOr<bool> Continues(const ExpertSignature& chunk, std::optional<std::uint32_t> append_at,
                               const KnownSignature& known) {
  // A lease that an older version of the daemon wrote down tells no tokens.
  if (known.tokens == 0 && known.quality == SignatureQuality::kFull) return false;
  const std::uint64_t end = std::uint64_t{append_at.value_or(known.tokens)} + chunk.tokens();
  if (append_at && end <= known.tokens) return false;
  const bool longer_prompt = chunk.prompt_tokens().value_or(0) > known.tokens;
  if (!append_at && known.whole_prompt && !longer_prompt) return false;
  if (append_at && *append_at != known.tokens) {
    return absl::FailedPreconditionError(absl::StrCat("append_at: got ", *append_at, ", expected ",
                                                      known.tokens,
                                                      " (the tokens known of this request)"));
  }
  if (known.tokens > 0 && known.counts == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        "append: the counts of the request's first ", known.tokens,
        " tokens are used up or too old to be continued, expected the whole signature"));
  }
  return true;
}

}  // namespace eldr

// Turns routed expert ids, or counts of them, into expert signatures.
#ifndef ELDR_CLIENT_SIGNATURE_BUILDER_H_
#define ELDR_CLIENT_SIGNATURE_BUILDER_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "eldr/v1/models.pb.h"
#include "eldr/v1/signature.pb.h"

namespace eldr::client {

// Packs counts, `counts[l * experts + e]`, into the smallest form: sparse where under a tenth of
// them is not zero, else dense with the narrowest width that holds the largest. Checks nothing:
// whether the counts add up is for SignatureBuilder and the daemon to say.
v1::ExpertSignature EncodeCounts(absl::Span<const uint32_t> counts, uint32_t tokens,
                                 std::optional<uint32_t> prompt_tokens = std::nullopt);

// Counts the experts that tokens were routed to.
//
//   auto builder = SignatureBuilder::Create(geometry);          // a v1::ModelGeometry
//   builder->AddTokens(ids);                                    // [tokens, layers, top_k]
//   *push.mutable_signature() = builder->Build(prompt_tokens);
//
// Ids may be of type uint8_t, uint16_t, int32_t or uint32_t, as engines return them. Not
// thread-safe. Errors are INVALID_ARGUMENT, name what is wrong and where, and change nothing.
class SignatureBuilder {
 public:
  // Refuses a geometry outside of the limits that v1::ModelGeometry states.
  static absl::StatusOr<SignatureBuilder> Create(const v1::ModelGeometry& geometry);

  // Adds tokens: the ids of each token, layer by layer, top_k of them per MoE layer. Any number of
  // whole tokens. An id out of range, or twice in one layer of a token, is refused.
  template <typename Id>
  absl::Status AddTokens(absl::Span<const Id> ids);

  // As AddTokens, for ids that have a row for each of `hidden_layers` hidden layers, dense ones
  // too. The geometry's moe_hidden_layers tell which rows count; without them hidden_layers must
  // equal layers.
  template <typename Id>
  absl::Status AddHiddenLayerTokens(absl::Span<const Id> ids, uint32_t hidden_layers);

  // Adds counts that were made elsewhere, layers * experts of them, of `tokens` tokens. A layer
  // must be all zero (not covered) or sum to tokens * top_k, and no count may exceed tokens.
  absl::Status AddCounts(absl::Span<const uint32_t> counts, uint32_t tokens);

  // The tokens added since the start or the last Clear().
  uint32_t tokens() const { return tokens_; }
  absl::Span<const uint32_t> counts() const { return counts_; }

  // The signature of what was added. With no tokens it is one that the daemon refuses.
  v1::ExpertSignature Build(std::optional<uint32_t> prompt_tokens = std::nullopt) const;

  // Forgets all tokens, to build the next request's signature or the next chunk of this one.
  void Clear();

 private:
  explicit SignatureBuilder(const v1::ModelGeometry& geometry);
  // Adds ids that come in `rows_per_token` rows of top_k; MoE layer l is at row rows[l].
  template <typename Id>
  absl::Status AddRows(absl::Span<const Id> ids, uint32_t rows_per_token,
                       absl::Span<const uint32_t> rows);
  absl::Status CheckRoom(uint64_t more_tokens) const;

  uint32_t layers_;
  uint32_t experts_;
  uint32_t top_k_;
  std::vector<uint32_t> moe_hidden_layers_;  // empty: every hidden layer is one
  std::vector<uint32_t> counts_;
  uint32_t tokens_ = 0;
};

}  // namespace eldr::client

#endif  // ELDR_CLIENT_SIGNATURE_BUILDER_H_

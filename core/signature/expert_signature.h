// Expert signatures: how often the tokens of a request picked each expert.
#ifndef ELDR_CORE_SIGNATURE_EXPERT_SIGNATURE_H_
#define ELDR_CORE_SIGNATURE_EXPERT_SIGNATURE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/model/model_geometry.h"

namespace eldr {

// How much of a request's prompt is known; FULL needs every layer, and every prompt token if the
// prompt's length is known.
enum class SignatureQuality : std::uint8_t { kFull, kPartial, kMissing };

// Bytes a count takes, little-endian, unsigned.
enum class CountWidth : std::uint8_t { k8 = 1, k16 = 2, k32 = 4 };

// A signature as it came from outside: not validated, and not owned.
struct SignatureData {
  struct Dense {
    CountWidth width = CountWidth::k16;
    absl::string_view bytes;  // one count per cell
  };
  struct Sparse {
    absl::Span<const std::uint32_t> cells;   // strictly ascending
    absl::Span<const std::uint32_t> counts;  // as many, none zero
  };
  std::uint32_t tokens = 0;
  std::optional<std::uint32_t> prompt_tokens;
  std::variant<std::monostate, Dense, Sparse> counts;
};

// A valid signature. A layer of zeros is not covered; every other layer sums to tokens * top_k, and
// no count exceeds tokens. It is one that a model's router may have chosen (uncaptured.h).
//
// A value type; a const signature may be read from many threads.
class ExpertSignature {
 public:
  // The most tokens a signature may cover.
  static constexpr std::uint32_t kMaxTokens = 1u << 24;

  // INVALID_ARGUMENT, naming the field below `field`, unless `data` is a valid signature of a model
  // of this geometry. The memory of `spare` is used again; it may hold any signature.
  static absl::StatusOr<ExpertSignature> Parse(const SignatureData& data,
                                               const ModelGeometry& geometry,
                                               absl::string_view field = "signature",
                                               std::optional<ExpertSignature> spare = std::nullopt);

  // Adds the tokens and counts of a later chunk of the same prompt, whose prompt_tokens, if given,
  // replace these. INVALID_ARGUMENT, with nothing changed, if the chunk covers other layers (the
  // sum would fit no token count) or the sum exceeds kMaxTokens.
  absl::Status Append(const ExpertSignature& chunk, const ModelGeometry& geometry);

  std::uint32_t tokens() const { return tokens_; }
  std::optional<std::uint32_t> prompt_tokens() const { return prompt_tokens_; }
  std::uint32_t covered_layers() const { return covered_layers_; }
  // True if the prompt's length is known, and no more than the tokens.
  bool covers_prompt() const { return prompt_tokens_ && tokens_ >= *prompt_tokens_; }
  // FULL or PARTIAL.
  SignatureQuality quality() const;
  // The share of the prompt's tokens that it covers, more than 0 and at most 1; 1 if the prompt's
  // length is not known.
  double coverage() const;

  bool LayerCovered(std::size_t layer) const { return covered_[layer] != 0; }

  // Calls `visitor` once with a pointer to the counts in the width they are kept in (uint8_t,
  // uint16_t or uint32_t), one per cell.
  template <typename Visitor>
  auto VisitCounts(Visitor&& visitor) const {
    switch (width_) {
      case CountWidth::k8:
        return visitor(reinterpret_cast<const std::uint8_t*>(counts_.data()));
      case CountWidth::k16:
        return visitor(reinterpret_cast<const std::uint16_t*>(counts_.data()));
      case CountWidth::k32:
        break;
    }
    return visitor(reinterpret_cast<const std::uint32_t*>(counts_.data()));
  }

  // Heap bytes held.
  std::size_t bytes() const {
    return counts_.capacity() * sizeof(counts_[0]) + covered_.capacity();
  }

 private:
  ExpertSignature() = default;
  absl::Status SetDense(const SignatureData::Dense& dense, const ModelGeometry& geometry,
                        absl::string_view field);
  absl::Status SetSparse(const SignatureData::Sparse& sparse, const ModelGeometry& geometry,
                         absl::string_view field);
  absl::Status CheckLayers(const ModelGeometry& geometry, absl::string_view field);

  std::uint32_t tokens_ = 0;
  std::optional<std::uint32_t> prompt_tokens_;
  CountWidth width_ = CountWidth::k16;
  std::uint32_t covered_layers_ = 0;
  // Words rather than bytes, so that counts of every width are aligned.
  std::vector<std::uint32_t> counts_;
  std::vector<std::uint8_t> covered_;  // by layer, 1 if any count is not zero
};

}  // namespace eldr

#endif  // ELDR_CORE_SIGNATURE_EXPERT_SIGNATURE_H_

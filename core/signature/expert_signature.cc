#include "core/signature/expert_signature.h"

#include <algorithm>
#include <bit>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/signature/uncaptured.h"

namespace eldr {
namespace {

static_assert(std::endian::native == std::endian::little,
              "counts are kept as they come over the wire: little-endian");

template <typename... Parts>
absl::Status Invalid(absl::string_view field, const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(field, ".", parts...));
}

// A layer's sum must not overflow: 4,096 counts of 16 bits fit 32 bits, of 32 bits do not.
template <typename Count>
using Sum = std::conditional_t<sizeof(Count) == 4, std::uint64_t, std::uint32_t>;

CountWidth NarrowestWidth(std::uint32_t largest) {
  if (largest <= 0xff) return CountWidth::k8;
  return largest <= 0xffff ? CountWidth::k16 : CountWidth::k32;
}

std::size_t WordsFor(std::size_t cells, CountWidth width) {
  return (cells * static_cast<std::size_t>(width) + 3) / 4;
}

}  // namespace

absl::StatusOr<ExpertSignature> ExpertSignature::Parse(const SignatureData& data,
                                                       const ModelGeometry& geometry,
                                                       absl::string_view field,
                                                       std::optional<ExpertSignature> spare) {
  if (data.tokens == 0 || data.tokens > kMaxTokens) {
    return Invalid(field, "tokens: got ", data.tokens, ", expected 1 to ", kMaxTokens);
  }
  if (data.prompt_tokens == 0u) {
    return Invalid(field,
                   "prompt_tokens: got 0, expected at least 1, or none if the length is not known");
  }
  ExpertSignature signature = spare ? *std::move(spare) : ExpertSignature();
  signature.tokens_ = data.tokens;
  signature.prompt_tokens_ = data.prompt_tokens;
  if (const auto* dense = std::get_if<SignatureData::Dense>(&data.counts)) {
    ELDR_RETURN_IF_ERROR(signature.SetDense(*dense, geometry, field));
  } else if (const auto* sparse = std::get_if<SignatureData::Sparse>(&data.counts)) {
    ELDR_RETURN_IF_ERROR(signature.SetSparse(*sparse, geometry, field));
  } else {
    return Invalid(field, "counts: not given, expected dense or sparse counts");
  }
  ELDR_RETURN_IF_ERROR(signature.CheckLayers(geometry, field));
  ELDR_RETURN_IF_ERROR(CheckCaptured(signature, geometry, field));
  return signature;
}

absl::Status ExpertSignature::SetDense(const SignatureData::Dense& dense,
                                       const ModelGeometry& geometry, absl::string_view field) {
  const std::size_t expected = geometry.cells() * static_cast<std::size_t>(dense.width);
  if (dense.bytes.size() != expected) {
    return Invalid(field, "dense.data: got ", dense.bytes.size(), " bytes, expected ", expected,
                   " (", geometry.layers, " layers x ", geometry.experts, " experts x ",
                   static_cast<int>(dense.width), " bytes)");
  }
  width_ = dense.width;
  counts_.resize(WordsFor(geometry.cells(), width_));
  std::memcpy(counts_.data(), dense.bytes.data(), expected);
  return absl::OkStatus();
}

absl::Status ExpertSignature::SetSparse(const SignatureData::Sparse& sparse,
                                        const ModelGeometry& geometry, absl::string_view field) {
  if (sparse.cells.size() != sparse.counts.size()) {
    return Invalid(field, "sparse: got ", sparse.cells.size(), " indices and ",
                   sparse.counts.size(), " counts, expected as many of one as of the other");
  }
  width_ = NarrowestWidth(tokens_);
  counts_.assign(WordsFor(geometry.cells(), width_), 0);
  auto* bytes = reinterpret_cast<std::uint8_t*>(counts_.data());
  for (std::size_t i = 0; i < sparse.cells.size(); ++i) {
    const std::uint32_t cell = sparse.cells[i];
    const std::uint32_t count = sparse.counts[i];
    if (cell >= geometry.cells()) {
      return Invalid(field, "sparse.indices[", i, "]: got ", cell, ", expected less than ",
                     geometry.cells(), " (layers * experts)");
    }
    if (i > 0 && cell <= sparse.cells[i - 1]) {
      return Invalid(field, "sparse.indices[", i, "]: got ", cell,
                     ", expected more than the one before (", sparse.cells[i - 1], ")");
    }
    if (count == 0 || count > tokens_) {
      return Invalid(field, "sparse.counts[", i, "]: got ", count, ", expected 1 to ", tokens_,
                     " (tokens)");
    }
    const auto width = static_cast<std::size_t>(width_);
    std::memcpy(bytes + cell * width, &count, width);
  }
  return absl::OkStatus();
}

absl::Status ExpertSignature::CheckLayers(const ModelGeometry& geometry, absl::string_view field) {
  covered_.assign(geometry.layers, 0);
  covered_layers_ = 0;
  const std::uint64_t expected = std::uint64_t{tokens_} * geometry.top_k;
  return VisitCounts([&]<typename Count>(const Count* counts) -> absl::Status {
    for (std::uint32_t layer = 0; layer < geometry.layers; ++layer) {
      const Count* row = counts + std::size_t{layer} * geometry.experts;
      Sum<Count> sum = 0;
      // No count exceeds the bits that any of them has; and unlike the largest, every vector unit
      // finds those in one operation.
      Count bits = 0;
      for (std::uint32_t e = 0; e < geometry.experts; ++e) {
        sum += row[e];
        bits |= row[e];
      }
      if (sum == 0) continue;
      if (sum != expected) {
        return Invalid(field, "counts: layer ", layer, " sums to ", sum, ", expected ", expected,
                       " (tokens * top_k), or 0 for a layer that is not covered");
      }
      const Count largest = bits <= tokens_ ? bits : *std::max_element(row, row + geometry.experts);
      if (largest > tokens_) {
        return Invalid(field, "counts: layer ", layer, " has a count of ", largest,
                       ", expected at most ", tokens_, " (tokens)");
      }
      covered_[layer] = 1;
      ++covered_layers_;
    }
    if (covered_layers_ == 0)
      return Invalid(field, "counts: all are zero, expected at least one layer");
    return absl::OkStatus();
  });
}

absl::Status ExpertSignature::Append(const ExpertSignature& chunk, const ModelGeometry& geometry) {
  constexpr absl::string_view kField = "signature";
  if (chunk.covered_ != covered_) {
    return Invalid(kField,
                   "counts: the chunk covers other layers than what is stored; expected the same ",
                   covered_layers_, " layers");
  }
  const std::uint64_t tokens = std::uint64_t{tokens_} + chunk.tokens_;
  if (tokens > kMaxTokens) {
    return Invalid(kField, "tokens: ", tokens_, " are stored and ", chunk.tokens_,
                   " appended, expected at most ", kMaxTokens, " in all");
  }
  ExpertSignature sum;
  sum.tokens_ = static_cast<std::uint32_t>(tokens);
  sum.width_ = NarrowestWidth(sum.tokens_);
  sum.counts_.resize(WordsFor(geometry.cells(), sum.width_));
  auto* bytes = reinterpret_cast<std::uint8_t*>(sum.counts_.data());
  const auto width = static_cast<std::size_t>(sum.width_);
  VisitCounts([&](const auto* mine) {
    chunk.VisitCounts([&](const auto* theirs) {
      for (std::size_t cell = 0; cell < geometry.cells(); ++cell) {
        const std::uint32_t count = std::uint32_t{mine[cell]} + std::uint32_t{theirs[cell]};
        std::memcpy(bytes + cell * width, &count, width);
      }
    });
  });
  tokens_ = sum.tokens_;
  width_ = sum.width_;
  counts_ = std::move(sum.counts_);
  if (chunk.prompt_tokens_) prompt_tokens_ = chunk.prompt_tokens_;
  return absl::OkStatus();
}

SignatureQuality ExpertSignature::quality() const {
  const bool whole_prompt = !prompt_tokens_ || tokens_ >= *prompt_tokens_;
  return whole_prompt && covered_layers_ == covered_.size() ? SignatureQuality::kFull
                                                            : SignatureQuality::kPartial;
}

double ExpertSignature::coverage() const {
  if (!prompt_tokens_ || tokens_ >= *prompt_tokens_) return 1;
  return static_cast<double>(tokens_) / static_cast<double>(*prompt_tokens_);
}

}  // namespace eldr

#include "eldr/client/signature_builder.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "absl/strings/str_cat.h"

namespace eldr::client {
namespace {

// The limits that the protos state.
constexpr uint32_t kMaxLayers = 1'024;
constexpr uint32_t kMaxExperts = 4'096;
constexpr uint64_t kMaxCells = 262'144;
constexpr uint32_t kMaxTokens = 16'777'216;

absl::Status Refuse(absl::string_view field, uint64_t value, absl::string_view expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("geometry.", field, " is ", value, ", expected ", expected));
}

absl::Status CheckGeometry(const v1::ModelGeometry& geometry) {
  if (geometry.layers() < 1 || geometry.layers() > kMaxLayers) {
    return Refuse("layers", geometry.layers(), absl::StrCat("1 to ", kMaxLayers));
  }
  if (geometry.experts() < 2 || geometry.experts() > kMaxExperts) {
    return Refuse("experts", geometry.experts(), absl::StrCat("2 to ", kMaxExperts));
  }
  const uint64_t cells = uint64_t{geometry.layers()} * geometry.experts();
  if (cells > kMaxCells) {
    return Refuse("layers * experts", cells, absl::StrCat("at most ", kMaxCells));
  }
  if (geometry.top_k() < 1 || geometry.top_k() > geometry.experts()) {
    return Refuse("top_k", geometry.top_k(), absl::StrCat("1 to experts, ", geometry.experts()));
  }
  const auto& hidden = geometry.moe_hidden_layers();
  if (!hidden.empty() && static_cast<uint32_t>(hidden.size()) != geometry.layers()) {
    return Refuse("moe_hidden_layers", static_cast<uint64_t>(hidden.size()),
                  absl::StrCat("as many as layers, ", geometry.layers()));
  }
  const auto fall = std::adjacent_find(hidden.begin(), hidden.end(), std::greater_equal<>());
  if (fall != hidden.end()) {
    return Refuse("moe_hidden_layers", *(fall + 1), "strictly ascending layers");
  }
  return absl::OkStatus();
}

// Where a row of ids stands, for messages.
struct RowName {
  std::size_t token;
  uint32_t row;
};

// Counts the experts that one token picked in one layer. `last_token`, the last token that picked
// each expert of the layer, shows an id that comes twice.
template <typename Id>
absl::Status CountRow(absl::Span<const Id> ids, const RowName& name,
                      absl::Span<std::size_t> last_token, absl::Span<uint32_t> counts) {
  for (std::size_t choice = 0; choice < ids.size(); ++choice) {
    const int64_t id = static_cast<int64_t>(ids[choice]);
    if (id < 0 || static_cast<uint64_t>(id) >= counts.size()) {
      return absl::InvalidArgumentError(absl::StrCat("expert id of token ", name.token, ", row ",
                                                     name.row, ", choice ", choice, " is ", id,
                                                     ", expected 0 to ", counts.size() - 1));
    }
    const std::size_t expert = static_cast<std::size_t>(id);
    if (last_token[expert] == name.token) {
      return absl::InvalidArgumentError(absl::StrCat("expert id ", id, " comes twice in token ",
                                                     name.token, ", row ", name.row, "; expected ",
                                                     ids.size(), " different ones"));
    }
    last_token[expert] = name.token;
    ++counts[expert];
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SignatureBuilder> SignatureBuilder::Create(const v1::ModelGeometry& geometry) {
  if (absl::Status status = CheckGeometry(geometry); !status.ok()) return status;
  return SignatureBuilder(geometry);
}

SignatureBuilder::SignatureBuilder(const v1::ModelGeometry& geometry)
    : layers_(geometry.layers()),
      experts_(geometry.experts()),
      top_k_(geometry.top_k()),
      moe_hidden_layers_(geometry.moe_hidden_layers().begin(), geometry.moe_hidden_layers().end()),
      counts_(std::size_t{layers_} * experts_) {}

absl::Status SignatureBuilder::CheckRoom(uint64_t more_tokens) const {
  if (more_tokens <= kMaxTokens - tokens_) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("tokens would be ", tokens_ + more_tokens, ", expected at most ", kMaxTokens));
}

template <typename Id>
absl::Status SignatureBuilder::AddTokens(absl::Span<const Id> ids) {
  std::vector<uint32_t> rows(layers_);
  std::iota(rows.begin(), rows.end(), 0u);
  return AddRows(ids, layers_, rows);
}

template <typename Id>
absl::Status SignatureBuilder::AddHiddenLayerTokens(absl::Span<const Id> ids,
                                                    uint32_t hidden_layers) {
  if (moe_hidden_layers_.empty()) {
    if (hidden_layers == layers_) return AddTokens(ids);
    return absl::InvalidArgumentError(absl::StrCat(
        "hidden_layers is ", hidden_layers, ", expected ", layers_,
        ": the geometry does not tell which hidden layers are MoE layers (moe_hidden_layers)"));
  }
  if (moe_hidden_layers_.back() >= hidden_layers) {
    return absl::InvalidArgumentError(
        absl::StrCat("hidden_layers is ", hidden_layers, ", expected more than ",
                     moe_hidden_layers_.back(), ", the last of moe_hidden_layers"));
  }
  return AddRows(ids, hidden_layers, moe_hidden_layers_);
}

template <typename Id>
absl::Status SignatureBuilder::AddRows(absl::Span<const Id> ids, uint32_t rows_per_token,
                                       absl::Span<const uint32_t> rows) {
  const std::size_t token_size = std::size_t{rows_per_token} * top_k_;
  if (ids.size() % token_size != 0) {
    return absl::InvalidArgumentError(absl::StrCat("there are ", ids.size(), " ids, expected ",
                                                   rows_per_token, " x ", top_k_,
                                                   " for each token"));
  }
  const std::size_t tokens = ids.size() / token_size;
  if (absl::Status status = CheckRoom(tokens); !status.ok()) return status;
  // Counted aside, so that an error leaves nothing half added.
  std::vector<uint32_t> added(counts_.size());
  std::vector<std::size_t> last_token(experts_);
  for (uint32_t layer = 0; layer < layers_; ++layer) {
    std::fill(last_token.begin(), last_token.end(), tokens);  // the index of no token
    const auto counts = absl::MakeSpan(added).subspan(std::size_t{layer} * experts_, experts_);
    for (std::size_t token = 0; token < tokens; ++token) {
      const std::size_t at = token * token_size + std::size_t{rows[layer]} * top_k_;
      const RowName name{token, rows[layer]};
      absl::Status status =
          CountRow(ids.subspan(at, top_k_), name, absl::MakeSpan(last_token), counts);
      if (!status.ok()) return status;
    }
  }
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += added[i];
  tokens_ += static_cast<uint32_t>(tokens);
  return absl::OkStatus();
}

absl::Status SignatureBuilder::AddCounts(absl::Span<const uint32_t> counts, uint32_t tokens) {
  if (counts.size() != counts_.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("there are ", counts.size(), " counts, expected ", layers_, " x ", experts_));
  }
  if (absl::Status status = CheckRoom(tokens); !status.ok()) return status;
  const uint64_t full = uint64_t{tokens} * top_k_;
  for (std::size_t layer = 0; layer < layers_; ++layer) {
    const absl::Span<const uint32_t> row = counts.subspan(layer * experts_, experts_);
    const uint64_t sum = std::accumulate(row.begin(), row.end(), uint64_t{0});
    if (sum != 0 && sum != full) {
      return absl::InvalidArgumentError(absl::StrCat("counts of layer ", layer, " sum to ", sum,
                                                     ", expected 0 or ", full, " = ", tokens,
                                                     " tokens x top_k ", top_k_));
    }
    const auto most = std::max_element(row.begin(), row.end());
    if (*most > tokens) {
      return absl::InvalidArgumentError(absl::StrCat("count of layer ", layer, ", expert ",
                                                     most - row.begin(), " is ", *most,
                                                     ", expected at most tokens, ", tokens));
    }
  }
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += counts[i];
  tokens_ += tokens;
  return absl::OkStatus();
}

v1::ExpertSignature SignatureBuilder::Build(std::optional<uint32_t> prompt_tokens) const {
  return EncodeCounts(counts_, tokens_, prompt_tokens);
}

void SignatureBuilder::Clear() {
  std::fill(counts_.begin(), counts_.end(), 0u);
  tokens_ = 0;
}

template absl::Status SignatureBuilder::AddTokens(absl::Span<const uint8_t>);
template absl::Status SignatureBuilder::AddTokens(absl::Span<const uint16_t>);
template absl::Status SignatureBuilder::AddTokens(absl::Span<const int32_t>);
template absl::Status SignatureBuilder::AddTokens(absl::Span<const uint32_t>);
template absl::Status SignatureBuilder::AddHiddenLayerTokens(absl::Span<const uint8_t>, uint32_t);
template absl::Status SignatureBuilder::AddHiddenLayerTokens(absl::Span<const uint16_t>, uint32_t);
template absl::Status SignatureBuilder::AddHiddenLayerTokens(absl::Span<const int32_t>, uint32_t);
template absl::Status SignatureBuilder::AddHiddenLayerTokens(absl::Span<const uint32_t>, uint32_t);

}  // namespace eldr::client

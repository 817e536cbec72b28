#include "client/engines/engine_forms.h"

#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/engines/base64.h"
#include "client/engines/npy.h"
#include "client/engines/packed_ids.h"

namespace eldr::engines {
namespace {

static_assert(std::endian::native == std::endian::little, "counts are read as they are");

absl::Status Missing(absl::string_view field, absl::string_view form) {
  return absl::InvalidArgumentError(
      absl::StrCat("geometry.", field, " is 0, expected at least 1: ", form, " does not tell it"));
}

// Adds row `layer` of the counts to the result, or says why it does not fit.
absl::Status AddCountsRow(absl::string_view bytes, std::uint32_t layer, const Geometry& geometry,
                          ExpertCounts& result) {
  std::uint64_t sum = 0;
  std::uint32_t most = 0;
  for (std::uint32_t expert = 0; expert < geometry.experts; ++expert) {
    std::int16_t count = 0;
    std::memcpy(&count, bytes.data() + expert * sizeof(count), sizeof(count));
    if (count < 0) {
      return absl::InvalidArgumentError(absl::StrCat("layer ", layer, ", expert ", expert,
                                                     ": count ", count, ", expected none below 0"));
    }
    const auto value = static_cast<std::uint32_t>(count);
    result.counts.push_back(value);
    sum += value;
    most = value > most ? value : most;
  }
  if (sum == 0) return absl::OkStatus();
  const std::uint64_t tokens = sum / geometry.top_k;
  if (sum % geometry.top_k != 0 || most > tokens) {
    return absl::InvalidArgumentError(
        absl::StrCat("layer ", layer, ": counts sum to ", sum, " with ", most,
                     " of one expert, expected tokens x top_k ", geometry.top_k,
                     " and no expert more often than tokens"));
  }
  if (result.tokens != 0 && result.tokens != tokens) {
    return absl::InvalidArgumentError(absl::StrCat("layer ", layer, ": counts are of ", tokens,
                                                   " tokens, expected ", result.tokens,
                                                   " as in the layers before"));
  }
  // At most 4,096 counts of 32,767: far from 32 bits.
  result.tokens = static_cast<std::uint32_t>(tokens);
  return absl::OkStatus();
}

// "57", "56 to 57" or "at least 57".
std::string CountText(const ToldTokens& told) {
  if (told.least == told.most) return absl::StrCat(told.most);
  if (told.most == UINT64_MAX) return absl::StrCat("at least ", told.least);
  return absl::StrCat(told.least, " to ", told.most);
}

// If the body's own count explains the bytes by another number of rows per token, says so: that is
// what to correct. Empty if it does not.
std::string OtherLayers(std::uint64_t bytes, std::uint64_t row_bytes, const ToldTokens& told) {
  const std::uint64_t tokens = told.most;
  if (tokens > kMaxTokens || bytes == 0 || bytes % (tokens * row_bytes) != 0) return "";
  return absl::StrCat(": the body has ", bytes / (tokens * row_bytes),
                      " rows per token; tell which of its hidden layers are MoE layers "
                      "(moe_hidden_layers), or how many there are (--hidden-layers)");
}

}  // namespace

absl::StatusOr<PackedIds> OpenVllmNpy(absl::string_view base64) {
  absl::StatusOr<std::string> bytes = DecodeBase64(base64);
  if (!bytes.ok()) return bytes.status();
  return OpenNpy(*std::move(bytes));
}

absl::StatusOr<RoutedExperts> DecodeVllmNpy(absl::string_view base64, const Geometry& geometry) {
  const absl::StatusOr<PackedIds> ids = OpenVllmNpy(base64);
  if (!ids.ok()) return ids.status();
  return ids->Read(geometry);
}

absl::StatusOr<PackedIds> OpenSglangInt32(absl::string_view base64, const Geometry& geometry,
                                          std::uint32_t hidden_layers, const ToldTokens& told) {
  constexpr absl::string_view kForm = "raw int32";
  absl::Status checked = CheckGeometry(geometry);
  if (!checked.ok()) return checked;
  if (geometry.top_k == 0) return Missing("top_k", kForm);
  const std::vector<std::uint32_t>& moe = geometry.moe_hidden_layers;
  std::uint64_t rows = hidden_layers;
  if (rows == 0) rows = moe.empty() ? geometry.layers : std::uint64_t{moe.back()} + 1;
  if (rows == 0) return Missing("layers", kForm);
  absl::StatusOr<std::string> bytes = DecodeBase64(base64);
  if (!bytes.ok()) return bytes.status();
  const std::uint64_t row_bytes = geometry.top_k * IdWidth(IdType::kInt32);
  const std::uint64_t tokens = bytes->size() / (rows * row_bytes);
  if (tokens == 0 || bytes->size() % (rows * row_bytes) != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        bytes->size(), " bytes of raw int32, expected tokens x ", rows, " hidden layers x top_k ",
        geometry.top_k, " x 4 bytes", OtherLayers(bytes->size(), row_bytes, told)));
  }
  if (tokens < told.least || tokens > told.most) {
    return absl::InvalidArgumentError(absl::StrCat(
        bytes->size(), " bytes of raw int32 are rows of ", tokens, " tokens with ", rows,
        " hidden layers and top_k ", geometry.top_k, ", expected ", CountText(told), " by ",
        told.by, OtherLayers(bytes->size(), row_bytes, told),
        tokens < told.least ? "; tell how many were left out at the front, if any (--start-len)"
                            : ""));
  }
  return PackedIds{*std::move(bytes), 0, IdType::kInt32, IdShape{tokens, rows, geometry.top_k}};
}

absl::StatusOr<RoutedExperts> DecodeSglangInt32(absl::string_view base64, const Geometry& geometry,
                                                std::uint32_t hidden_layers) {
  const absl::StatusOr<PackedIds> ids = OpenSglangInt32(base64, geometry, hidden_layers);
  if (!ids.ok()) return ids.status();
  return ids->Read(geometry);
}

absl::StatusOr<ExpertCounts> DecodeReferenceCounts(absl::string_view base64,
                                                   const Geometry& geometry) {
  constexpr absl::string_view kForm = "the form of counts";
  absl::Status checked = CheckGeometry(geometry);
  if (!checked.ok()) return checked;
  if (geometry.layers == 0) return Missing("layers", kForm);
  if (geometry.experts == 0) return Missing("experts", kForm);
  if (geometry.top_k == 0) return Missing("top_k", kForm);
  const absl::StatusOr<std::string> bytes = DecodeBase64(base64);
  if (!bytes.ok()) return bytes.status();
  const std::size_t row_bytes = std::size_t{geometry.experts} * sizeof(std::int16_t);
  if (bytes->size() != geometry.layers * row_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        bytes->size(), " bytes of int16 counts, expected ", geometry.layers * row_bytes, " = ",
        geometry.layers, " layers x ", geometry.experts, " experts x 2 bytes"));
  }
  ExpertCounts result;
  result.counts.reserve(bytes->size() / sizeof(std::int16_t));
  const absl::string_view all(*bytes);
  for (std::uint32_t layer = 0; layer < geometry.layers; ++layer) {
    absl::Status added =
        AddCountsRow(all.substr(layer * row_bytes, row_bytes), layer, geometry, result);
    if (!added.ok()) return added;
  }
  if (result.tokens == 0) {
    return absl::InvalidArgumentError("all counts are 0, expected those of at least one token");
  }
  return result;
}

}  // namespace eldr::engines

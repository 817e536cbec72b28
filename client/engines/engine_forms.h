// The forms in which engines put experts into JSON strings. All input is untrusted: every error is
// INVALID_ARGUMENT, says what was found and what was expected, and comes before an allocation that
// the input's size does not justify.
#ifndef ELDR_CLIENT_ENGINES_ENGINE_FORMS_H_
#define ELDR_CLIENT_ENGINES_ENGINE_FORMS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/engines/geometry.h"
#include "client/engines/packed_ids.h"
#include "client/engines/routed_experts.h"

namespace eldr::engines {

// vLLM 0.22 and later: base64 of a .npy file (npy.h).
absl::StatusOr<PackedIds> OpenVllmNpy(absl::string_view base64);
absl::StatusOr<RoutedExperts> DecodeVllmNpy(absl::string_view base64, const Geometry& geometry);

// How many tokens a body says that it has rows of.
struct ToldTokens {
  std::uint64_t least = 1;
  std::uint64_t most = UINT64_MAX;
  std::string by;  // what says so, e.g. "prompt_tokens 6"; empty if nothing does
};

// SGLang: base64 of int32, little-endian, [tokens, hidden_layers, top_k] without a header. The
// geometry must tell top_k. `hidden_layers` of 0 stands for the geometry's: one more than the last
// of moe_hidden_layers, else layers. (A model whose last layers are dense needs the number.) A body
// with another number of rows per token would be read shifted where its size divides: so the tokens
// that come out must be as many as were `told`.
absl::StatusOr<PackedIds> OpenSglangInt32(absl::string_view base64, const Geometry& geometry,
                                          std::uint32_t hidden_layers = 0,
                                          const ToldTokens& told = {});
absl::StatusOr<RoutedExperts> DecodeSglangInt32(absl::string_view base64, const Geometry& geometry,
                                                std::uint32_t hidden_layers = 0);

// The reference of the published algorithm: base64 of int16 counts, little-endian, [layers,
// experts]. The geometry must tell all three numbers. tokens is the sum of a row / top_k; a row of
// zeros is a layer without counts, all others have the same sum.
absl::StatusOr<ExpertCounts> DecodeReferenceCounts(absl::string_view base64,
                                                   const Geometry& geometry);

}  // namespace eldr::engines

#endif  // ELDR_CLIENT_ENGINES_ENGINE_FORMS_H_

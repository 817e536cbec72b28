// Counts that no model's router made.
#ifndef ELDR_CORE_SIGNATURE_UNCAPTURED_H_
#define ELDR_CORE_SIGNATURE_UNCAPTURED_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/model/model_geometry.h"
#include "core/signature/expert_signature.h"

namespace eldr {

// An engine that did not capture the experts of a token (a shard that sent nothing, a buffer never
// written to) leaves one number in all of its layers, mostly 0. With a top_k of 2 or more that is
// an expert that a token picks twice, which counts and decoders refuse. With a top_k of 1 it looks
// like a choice, so it is told by how unlikely it is:
//   - One expert has at least a quarter of the tokens in layer after layer. Which expert has which
//     number is chance in each layer, and the mean share is 1 / experts: a share of s or more has a
//     chance of at most 1 / (experts * s) per layer. Below 2^-64 over layers that follow each other
//     it is refused.
//   - One expert has all tokens of a layer, of kLongPrompt tokens or more.
// INVALID_ARGUMENT, naming counts below `field`; always OK with a top_k of 2 or more.
absl::Status CheckCaptured(const ExpertSignature& signature, const ModelGeometry& geometry,
                           absl::string_view field);

inline constexpr std::uint32_t kLongPrompt = 256;

}  // namespace eldr

#endif  // ELDR_CORE_SIGNATURE_UNCAPTURED_H_

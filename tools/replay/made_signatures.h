// Signatures made up for benchmarks.
#ifndef ELDR_TOOLS_REPLAY_MADE_SIGNATURES_H_
#define ELDR_TOOLS_REPLAY_MADE_SIGNATURES_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "core/model/model_geometry.h"
#include "core/profile/vector_set.h"
#include "core/signature/expert_signature.h"

namespace eldr {

enum class SignatureForm : std::uint8_t {
  kDense,   // 16-bit counts of every cell
  kBytes,   // 8-bit counts of every cell: a prompt, or the first part of one, of 192 tokens
  kSparse,  // about 10 % of the cells have counts, and only those are sent
};

// One signature in the form a worker would send it in.
struct MadeSignature {
  std::uint32_t tokens = 0;
  std::vector<std::uint16_t> counts;  // by cell
  std::vector<std::uint8_t> bytes;    // the same, if they are to be sent so
  std::vector<std::uint32_t> sparse_cells;
  std::vector<std::uint32_t> sparse_counts;

  // Points into this object.
  SignatureData Data(SignatureForm form) const;
};

// Requests of eight kinds; those of a kind favour the same experts, each in its own way. Valid for
// the geometry.
std::vector<MadeSignature> MakeSignatures(const ModelGeometry& geometry, SignatureForm form,
                                          std::size_t count, std::uint64_t seed);

// Unit vectors in the directions of made signatures, as a profile's centroids are.
VectorSet MakeCentroids(const ModelGeometry& geometry, std::size_t count, std::uint64_t seed);

}  // namespace eldr

#endif  // ELDR_TOOLS_REPLAY_MADE_SIGNATURES_H_

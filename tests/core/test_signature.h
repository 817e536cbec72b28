// Signatures made up for tests.
#ifndef ELDR_TESTS_CORE_TEST_SIGNATURE_H_
#define ELDR_TESTS_CORE_TEST_SIGNATURE_H_

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "core/model/model_geometry.h"
#include "core/signature/expert_signature.h"

namespace eldr {

// Counts in the open, so that a test can make or break them, and the forms they are sent in.
struct TestSignature {
  std::uint32_t tokens = 0;
  std::optional<std::uint32_t> prompt_tokens{};
  std::vector<std::uint32_t> counts;  // by cell

  // What a worker would send. The answer points into this object and is valid until the next call.
  SignatureData Dense(CountWidth width = CountWidth::k16);
  SignatureData Sparse();

  std::string dense_bytes{};
  std::vector<std::uint32_t> sparse_cells{};
  std::vector<std::uint32_t> sparse_counts{};
};

// Every token picks the same experts in every layer: first, first + 1, ... (round the end).
TestSignature SteadySignature(const ModelGeometry& geometry, std::uint32_t tokens,
                              std::uint32_t first_expert = 0);

// Every token picks top_k distinct experts in every layer, most of them near a place of the
// signature's own, so that two signatures differ as two kinds of requests do.
TestSignature RandomSignature(const ModelGeometry& geometry, std::uint32_t tokens,
                              std::mt19937_64& rng);

// The parsed form. REQUIRES: it is valid.
ExpertSignature Parsed(TestSignature signature, const ModelGeometry& geometry);

}  // namespace eldr

#endif  // ELDR_TESTS_CORE_TEST_SIGNATURE_H_

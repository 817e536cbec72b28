#include "tests/core/test_signature.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace eldr {

SignatureData TestSignature::Dense(CountWidth width) {
  const auto bytes = static_cast<std::size_t>(width);
  dense_bytes.assign(counts.size() * bytes, '\0');
  for (std::size_t cell = 0; cell < counts.size(); ++cell) {
    for (std::size_t i = 0; i < bytes; ++i) {
      dense_bytes[cell * bytes + i] = static_cast<char>((counts[cell] >> (8 * i)) & 0xff);
    }
  }
  return {tokens, prompt_tokens, SignatureData::Dense{width, dense_bytes}};
}

SignatureData TestSignature::Sparse() {
  sparse_cells.clear();
  sparse_counts.clear();
  for (std::size_t cell = 0; cell < counts.size(); ++cell) {
    if (counts[cell] == 0) continue;
    sparse_cells.push_back(static_cast<std::uint32_t>(cell));
    sparse_counts.push_back(counts[cell]);
  }
  return {tokens, prompt_tokens, SignatureData::Sparse{sparse_cells, sparse_counts}};
}

TestSignature SteadySignature(const ModelGeometry& geometry, std::uint32_t tokens,
                              std::uint32_t first_expert) {
  TestSignature signature;
  signature.tokens = tokens;
  signature.counts.assign(geometry.cells(), 0);
  for (std::size_t layer = 0; layer < geometry.layers; ++layer) {
    for (std::uint32_t i = 0; i < geometry.top_k; ++i) {
      signature.counts[layer * geometry.experts + (first_expert + i) % geometry.experts] = tokens;
    }
  }
  return signature;
}

TestSignature RandomSignature(const ModelGeometry& geometry, std::uint32_t tokens,
                              std::mt19937_64& rng) {
  TestSignature signature;
  signature.tokens = tokens;
  signature.counts.assign(geometry.cells(), 0);
  const std::uint64_t experts = geometry.experts;
  const std::uint64_t place = rng() % experts;
  std::vector<std::uint64_t> picked;
  for (std::uint32_t token = 0; token < tokens; ++token) {
    for (std::size_t layer = 0; layer < geometry.layers; ++layer) {
      picked.clear();
      while (picked.size() < geometry.top_k) {
        const bool near = rng() % 10 < 7;
        const std::uint64_t expert =
            near ? (place + layer + rng() % (2 * geometry.top_k)) % experts : rng() % experts;
        if (std::find(picked.begin(), picked.end(), expert) != picked.end()) continue;
        picked.push_back(expert);
        ++signature.counts[layer * geometry.experts + expert];
      }
    }
  }
  return signature;
}

ExpertSignature Parsed(TestSignature signature, const ModelGeometry& geometry) {
  return ExpertSignature::Parse(signature.Dense(CountWidth::k32), geometry).value();
}

}  // namespace eldr

// Vectors written out in tests, and naive ways to compute with them.
#ifndef ELDR_TESTS_CORE_PROFILE_VECTORS_H_
#define ELDR_TESTS_CORE_PROFILE_VECTORS_H_

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "core/profile/fit_stream.h"
#include "core/profile/vector_set.h"

namespace eldr {

inline VectorSet Vectors(std::initializer_list<std::vector<float>> rows) {
  VectorSet vectors;
  for (const std::vector<float>& row : rows) vectors.Add(row);
  return vectors;
}

inline std::vector<float> Row(const VectorSet& vectors, std::size_t i) {
  return {vectors[i].begin(), vectors[i].end()};
}

inline double Cosine(absl::Span<const float> a, absl::Span<const float> b) {
  double product = 0, left = 0, right = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += double{a[i]} * double{b[i]};
    left += double{a[i]} * double{a[i]};
    right += double{b[i]} * double{b[i]};
  }
  return product / std::sqrt(left * right);
}

// Values of [0, 1).
inline VectorSet RandomVectors(std::size_t size, std::size_t dimension, std::uint64_t seed) {
  FitStream stream(seed);
  VectorSet vectors(size, dimension);
  for (std::size_t i = 0; i < size; ++i) {
    for (float& value : vectors[i]) value = static_cast<float>(stream.Uniform());
  }
  return vectors;
}

inline VectorSet RandomUnitVectors(std::size_t size, std::size_t dimension, std::uint64_t seed) {
  VectorSet vectors = RandomVectors(size, dimension, seed);
  for (std::size_t i = 0; i < size; ++i) {
    double square = 0;
    for (const float value : vectors[i]) square += double{value} * double{value};
    for (float& value : vectors[i]) value = static_cast<float>(value / std::sqrt(square));
  }
  return vectors;
}

}  // namespace eldr

#endif  // ELDR_TESTS_CORE_PROFILE_VECTORS_H_

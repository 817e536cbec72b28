// Vectors of one length.
#ifndef ELDR_CORE_PROFILE_VECTOR_SET_H_
#define ELDR_CORE_PROFILE_VECTOR_SET_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"

namespace eldr {

// A value type: `size` vectors of `dimension` floats, one after the other.
class VectorSet {
 public:
  VectorSet() = default;
  // All zeros.
  VectorSet(std::size_t size, std::size_t dimension)
      : size_(size), dimension_(dimension), values_(size * dimension) {}

  std::size_t size() const { return size_; }
  std::size_t dimension() const { return dimension_; }
  bool empty() const { return size_ == 0; }

  absl::Span<const float> operator[](std::size_t i) const {
    return absl::MakeConstSpan(values_).subspan(i * dimension_, dimension_);
  }
  absl::Span<float> operator[](std::size_t i) {
    return absl::MakeSpan(values_).subspan(i * dimension_, dimension_);
  }
  absl::Span<const float> values() const { return values_; }

  // Appends one. REQUIRES: `vector` has the dimension of those before it, and is none of them.
  void Add(absl::Span<const float> vector) {
    dimension_ = vector.size();
    values_.insert(values_.end(), vector.begin(), vector.end());
    ++size_;
  }

  friend bool operator==(const VectorSet&, const VectorSet&) = default;

 private:
  std::size_t size_ = 0;
  std::size_t dimension_ = 0;
  std::vector<float> values_;
};

}  // namespace eldr

#endif  // ELDR_CORE_PROFILE_VECTOR_SET_H_

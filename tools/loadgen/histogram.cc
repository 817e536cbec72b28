#include "tools/loadgen/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace eldr::loadgen {
namespace {

constexpr int kHalfBits = 7;
constexpr std::uint64_t kHalf = 1u << kHalfBits;  // buckets per power of two
// Of 63-bit values, the most nanoseconds that are told apart.
constexpr std::size_t kBuckets = 2 * kHalf + (63 - kHalfBits - 1) * kHalf;

std::size_t BucketOf(std::uint64_t nanoseconds) {
  if (nanoseconds < 2 * kHalf) return nanoseconds;
  const int shift = static_cast<int>(std::bit_width(nanoseconds)) - kHalfBits - 1;
  const std::uint64_t top = nanoseconds >> shift;  // kHalf to 2 * kHalf - 1
  return 2 * kHalf + static_cast<std::size_t>(shift - 1) * kHalf + (top - kHalf);
}

// The largest value that falls into the bucket.
std::uint64_t UpperEdge(std::size_t bucket) {
  if (bucket < 2 * kHalf) return bucket;
  const std::size_t above = bucket - 2 * kHalf;
  const std::size_t shift = above / kHalf + 1;
  return ((kHalf + above % kHalf + 1) << shift) - 1;
}

}  // namespace

Histogram::Histogram() : buckets_(kBuckets, 0) {}

void Histogram::Record(absl::Duration value) {
  value = std::max(value, absl::ZeroDuration());
  ++buckets_[BucketOf(static_cast<std::uint64_t>(absl::ToInt64Nanoseconds(value)))];
  ++count_;
  sum_ += value;
  max_ = std::max(max_, value);
}

absl::Duration Histogram::Mean() const {
  return count_ == 0 ? absl::ZeroDuration() : sum_ / static_cast<double>(count_);
}

absl::Duration Histogram::Percentile(double percent) const {
  const auto rank = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(percent / 100 * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += buckets_[bucket];
    if (seen >= rank) {
      return std::min(max_, absl::Nanoseconds(static_cast<std::int64_t>(UpperEdge(bucket))));
    }
  }
  return max_;
}

}  // namespace eldr::loadgen

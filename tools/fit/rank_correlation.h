// Spearman's rank correlation, many times against one target.
#ifndef ELDR_TOOLS_FIT_RANK_CORRELATION_H_
#define ELDR_TOOLS_FIT_RANK_CORRELATION_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace eldr {

// Equal values share the mean of their ranks. Not thread-safe: buffers are kept from call to call.
class RankCorrelation {
 public:
  // REQUIRES: finite values, less than 2^32 of them.
  explicit RankCorrelation(absl::Span<const float> target);

  // False if all values of the target are equal: then nothing correlates with it.
  bool target_varies() const { return target_square_ > 0; }
  // In [-1, 1]; 0 if either side is constant. REQUIRES: as many finite values as the target has.
  double With(absl::Span<const float> values);

 private:
  // Sets ranks_ to the ranks of `values`, less their mean; answers the sum of their squares.
  double Rank(absl::Span<const float> values);
  // Sorts order_ by the value's bits, in linear time: a fit ranks 30,000 pairs a thousand times.
  void SortByValue(absl::Span<const float> values);

  struct Entry {
    std::uint32_t key;
    std::uint32_t index;
  };
  std::vector<Entry> order_;
  std::vector<Entry> spare_;
  std::vector<double> ranks_;
  std::vector<double> target_ranks_;
  double target_square_ = 0;
};

}  // namespace eldr

#endif  // ELDR_TOOLS_FIT_RANK_CORRELATION_H_

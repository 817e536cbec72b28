// The signatures of the last seconds.
#ifndef ELDR_CORE_POLICY_LOCALITY_BAND_WINDOW_H_
#define ELDR_CORE_POLICY_LOCALITY_BAND_WINDOW_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/base/clock.h"

namespace eldr {

// Keeps at most kMost: where more arrive it keeps every second, every fourth and so on. Not
// thread-safe; what it hands out is immutable and outlives it.
class SignatureWindow {
 public:
  static constexpr std::size_t kMost = 2000;
  using Vector = std::shared_ptr<const std::vector<float>>;

  explicit SignatureWindow(absl::Duration length) : length_(length) {}

  // Drops what is older than the window.
  void Expire(MonotonicTime now);
  void Add(MonotonicTime now, absl::Span<const float> vector);

  std::size_t size() const { return kept_.size(); }
  absl::Duration length() const { return length_; }
  // When the very first was added.
  std::optional<MonotonicTime> first_added() const { return first_added_; }
  // Cheap: shares the vectors.
  std::vector<Vector> Snapshot() const;

 private:
  const absl::Duration length_;
  std::optional<MonotonicTime> first_added_;
  std::deque<std::pair<MonotonicTime, Vector>> kept_;
  // Of so many that arrive one is kept.
  std::uint64_t stride_ = 1;
  std::uint64_t arrived_ = 0;
};

}  // namespace eldr

#endif  // ELDR_CORE_POLICY_LOCALITY_BAND_WINDOW_H_

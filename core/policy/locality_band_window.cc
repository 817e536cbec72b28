#include "core/policy/locality_band_window.h"

namespace eldr {

void SignatureWindow::Expire(MonotonicTime now) {
  while (!kept_.empty() && kept_.front().first < now - length_) kept_.pop_front();
  // Well below half, so that a steady rate does not make the stride swing.
  if (stride_ > 1 && kept_.size() < kMost / 4) stride_ /= 2;
}

void SignatureWindow::Add(MonotonicTime now, absl::Span<const float> vector) {
  if (!first_added_) first_added_ = now;
  if (arrived_++ % stride_ != 0) return;
  if (kept_.size() == kMost) {
    std::deque<std::pair<MonotonicTime, Vector>> thinned;
    for (std::size_t i = 0; i < kept_.size(); i += 2) thinned.push_back(std::move(kept_[i]));
    kept_ = std::move(thinned);
    stride_ *= 2;
  }
  kept_.emplace_back(now, std::make_shared<std::vector<float>>(vector.begin(), vector.end()));
}

std::vector<SignatureWindow::Vector> SignatureWindow::Snapshot() const {
  std::vector<Vector> vectors;
  vectors.reserve(kept_.size());
  for (const auto& [time, vector] : kept_) vectors.push_back(vector);
  return vectors;
}

}  // namespace eldr

// Signatures that nobody needs any more, for the memory that they hold.
#ifndef ELDR_CORE_SIGNATURE_SPARE_SIGNATURES_H_
#define ELDR_CORE_SIGNATURE_SPARE_SIGNATURES_H_

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/mutex.h"
#include "core/signature/expert_signature.h"

namespace eldr {

// Thread-safe.
class SpareSignatures {
 public:
  SpareSignatures() { spares_.reserve(kMost); }

  // Any of them, or none.
  std::optional<ExpertSignature> Take() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    if (spares_.empty()) return std::nullopt;
    std::optional<ExpertSignature> spare = std::move(spares_.back());
    spares_.pop_back();
    return spare;
  }

  void Give(ExpertSignature signature) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    if (spares_.size() < kMost) spares_.push_back(std::move(signature));
  }

 private:
  // As many as calls are likely to be under way at a time.
  static constexpr std::size_t kMost = 16;

  Mutex mutex_;
  std::vector<ExpertSignature> spares_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace eldr

#endif  // ELDR_CORE_SIGNATURE_SPARE_SIGNATURES_H_

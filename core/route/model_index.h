// The declared models, found by name without a lock: every call looks one up.
#ifndef ELDR_CORE_ROUTE_MODEL_INDEX_H_
#define ELDR_CORE_ROUTE_MODEL_INDEX_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace eldr {

class ModelRouter;

// Models are added and never removed, so a pointer to one stays valid as long as the index.
// Thread-safe, but for Add: its calls must not overlap.
class ModelIndex {
 public:
  ModelIndex();
  ~ModelIndex();
  ModelIndex(const ModelIndex&) = delete;
  ModelIndex& operator=(const ModelIndex&) = delete;

  // nullptr if there is none of this name.
  ModelRouter* Find(absl::string_view name) const;
  // Ordered by name.
  std::vector<ModelRouter*> All() const;
  std::size_t size() const { return size_.load(std::memory_order_relaxed); }

  // REQUIRES: there is none of this name.
  void Add(std::unique_ptr<ModelRouter> model);

 private:
  // Immutable once it is reachable.
  struct Entry {
    const std::string& name;  // the model's own
    std::unique_ptr<ModelRouter> model;
    const Entry* next;
  };
  static constexpr std::size_t kBuckets = 256;
  static std::size_t BucketOf(absl::string_view name);

  std::array<std::atomic<const Entry*>, kBuckets> buckets_{};
  std::atomic<std::size_t> size_ = 0;
};

}  // namespace eldr

#endif  // ELDR_CORE_ROUTE_MODEL_INDEX_H_

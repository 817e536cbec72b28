#include "core/route/model_index.h"

#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"
#include "core/route/model_router.h"

namespace eldr {

ModelIndex::ModelIndex() = default;

ModelIndex::~ModelIndex() {
  for (const std::atomic<const Entry*>& bucket : buckets_) {
    for (const Entry* entry = bucket.load(); entry != nullptr;)
      delete std::exchange(entry, entry->next);
  }
}

std::size_t ModelIndex::BucketOf(absl::string_view name) {
  return absl::Hash<absl::string_view>()(name) % kBuckets;
}

ModelRouter* ModelIndex::Find(absl::string_view name) const {
  const Entry* entry = buckets_[BucketOf(name)].load(std::memory_order_acquire);
  while (entry != nullptr && entry->name != name) entry = entry->next;
  return entry == nullptr ? nullptr : entry->model.get();
}

std::vector<ModelRouter*> ModelIndex::All() const {
  std::vector<ModelRouter*> models;
  for (const std::atomic<const Entry*>& bucket : buckets_) {
    const Entry* entry = bucket.load(std::memory_order_acquire);
    for (; entry != nullptr; entry = entry->next) models.push_back(entry->model.get());
  }
  std::sort(models.begin(), models.end(), [](const ModelRouter* a, const ModelRouter* b) {
    return a->spec().name < b->spec().name;
  });
  return models;
}

void ModelIndex::Add(std::unique_ptr<ModelRouter> model) {
  const std::string& name = model->spec().name;
  std::atomic<const Entry*>& bucket = buckets_[BucketOf(name)];
  auto entry = std::make_unique<Entry>(Entry{name, std::move(model), bucket.load()});
  bucket.store(entry.release(), std::memory_order_release);
  size_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace eldr

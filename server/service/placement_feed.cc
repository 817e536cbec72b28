#include "server/service/placement_feed.h"

#include <vector>

namespace eldr {

void PlacementFeed::Add(PlacementWatcher* watcher) {
  MutexLock lock(mutex_);
  watchers_.insert(watcher);
  count_.store(watchers_.size());
}

void PlacementFeed::Remove(PlacementWatcher* watcher) {
  MutexLock lock(mutex_);
  watchers_.erase(watcher);
  count_.store(watchers_.size());
}

void PlacementFeed::Publish(absl::string_view model, absl::string_view request_id,
                            const Placement& placement) {
  if (count_.load(std::memory_order_relaxed) == 0) return;
  if (placement.reason == PlacementReason::kExistingLease) return;
  // Told without the lock, as a watcher may be done with by then and removes itself.
  std::vector<PlacementWatcher*> told;
  {
    MutexLock lock(mutex_);
    for (PlacementWatcher* watcher : watchers_) {
      if (watcher->Wants(model, placement.node.node_id) && watcher->Hold()) told.push_back(watcher);
    }
  }
  if (told.empty()) return;
  const absl::StatusOr<Explanation> explanation = router_.Explain(model, request_id);
  for (PlacementWatcher* watcher : told) {
    // It may be pushed out of the receipts already, or none are kept.
    if (explanation.ok()) {
      watcher->Tell(model, request_id, *explanation);
    } else {
      watcher->Let();
    }
  }
}

}  // namespace eldr

#include "server/service/placement_feed.h"

#include <string>
#include <vector>

#include "server/convert/placement_convert.h"

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
  std::vector<PlacementWatcher*> watching;
  {
    MutexLock lock(mutex_);
    for (PlacementWatcher* watcher : watchers_) {
      if (watcher->Wants(model, placement.node.node_id) && watcher->Hold()) {
        watching.push_back(watcher);
      }
    }
  }
  if (watching.empty()) return;
  const absl::StatusOr<Explanation> explanation = router_.Explain(model, request_id);
  if (!explanation.ok()) {
    // It is pushed out of the receipts already, or none are kept.
    for (PlacementWatcher* watcher : watching) watcher->Let();
    return;
  }
  const auto told = std::make_shared<v1::WatchPlacementsResponse>();
  told->set_model(std::string(model));
  told->set_request_id(std::string(request_id));
  ToProto(*explanation, told->mutable_placement());
  told->mutable_placement()->clear_parameters();
  for (PlacementWatcher* watcher : watching) watcher->Tell(told);
}

}  // namespace eldr

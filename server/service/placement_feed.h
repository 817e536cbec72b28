// New placements, told to those who watch.
#ifndef ELDR_SERVER_SERVICE_PLACEMENT_FEED_H_
#define ELDR_SERVER_SERVICE_PLACEMENT_FEED_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <unordered_set>

#include "absl/strings/string_view.h"
#include "core/base/mutex.h"
#include "core/route/placement.h"
#include "core/route/router.h"
#include "eldr/v1/placement.pb.h"

namespace eldr {

// A watcher of the feed.
class PlacementWatcher {
 public:
  virtual ~PlacementWatcher() = default;
  // Whether it wants to hear of placements of the model on the node.
  virtual bool Wants(absl::string_view model, absl::string_view node_id) const = 0;
  // Keeps it alive until Tell() or Let(), one of which follows. False if it is about to go.
  virtual bool Hold() = 0;
  // A placement that it wants, without `missed`. Must be quick. Called without a lock held; ends
  // the hold. All watchers share one message: however many fall behind, it is in memory once.
  virtual void Tell(const std::shared_ptr<const v1::WatchPlacementsResponse>& told) = 0;
  // Ends the hold.
  virtual void Let() = 0;
};

// Thread-safe. Costs one atomic read per placement while nobody watches.
class PlacementFeed {
 public:
  explicit PlacementFeed(const Router& router) : router_(router) {}

  void Add(PlacementWatcher* watcher);
  // When it returns, the watcher is not held any more and will not be.
  void Remove(PlacementWatcher* watcher);

  // Tells of a placement that was just made.
  void Publish(absl::string_view model, absl::string_view request_id, const Placement& placement);

 private:
  const Router& router_;
  std::atomic<std::size_t> count_{0};
  Mutex mutex_;
  std::unordered_set<PlacementWatcher*> watchers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace eldr

#endif  // ELDR_SERVER_SERVICE_PLACEMENT_FEED_H_

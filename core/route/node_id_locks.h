// Registrations and removals of one node id, one after the other.
#ifndef ELDR_CORE_ROUTE_NODE_ID_LOCKS_H_
#define ELDR_CORE_ROUTE_NODE_ID_LOCKS_H_

#include <functional>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "core/base/mutex.h"

namespace eldr {

// A lock for each id that is in use. Such a call waits for the lock of its model, perhaps for long:
// only calls for the same id may wait with it, or one busy model would hold up all others.
// Thread-safe.
class NodeIdLocks {
  struct Slot {
    Mutex mutex;
    int users = 0;  // that hold it or wait for it
  };
  using Slots = std::map<std::string, Slot, std::less<>>;

 public:
  // Holds the lock of an id for as long as it lives.
  class Lock {
   public:
    Lock(NodeIdLocks& locks, absl::string_view node_id) ABSL_NO_THREAD_SAFETY_ANALYSIS
        : locks_(locks) {
      {
        MutexLock lock(locks_.mutex_);
        slot_ = locks_.slots_.try_emplace(std::string(node_id)).first;
        ++slot_->second.users;
      }
      slot_->second.mutex.Lock();
    }
    ~Lock() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      slot_->second.mutex.Unlock();
      MutexLock lock(locks_.mutex_);
      if (--slot_->second.users == 0) locks_.slots_.erase(slot_);
    }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

   private:
    NodeIdLocks& locks_;
    Slots::iterator slot_;
  };

 private:
  Mutex mutex_;
  Slots slots_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace eldr

#endif  // ELDR_CORE_ROUTE_NODE_ID_LOCKS_H_

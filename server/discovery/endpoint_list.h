// What a source has found, as it is known now.
#ifndef ELDR_SERVER_DISCOVERY_ENDPOINT_LIST_H_
#define ELDR_SERVER_DISCOVERY_ENDPOINT_LIST_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/base/mutex.h"
#include "server/discovery/endpoint.h"

namespace eldr {

// Thread-safe.
class EndpointList {
 public:
  // Holds at most `most` endpoints. Calls `changed`, without a lock held, after each change.
  EndpointList(std::string source, std::size_t most, std::function<void()> changed);

  // The whole: what is not in it is gone. RESOURCE_EXHAUSTED, with nothing changed, if it is too
  // much.
  absl::Status SetAll(Endpoints all);
  // What a thing has by now, instead of what it had. RESOURCE_EXHAUSTED as above.
  absl::Status Put(absl::string_view thing, std::vector<Endpoint> endpoints);
  void Remove(absl::string_view thing);

  struct Snapshot {
    // Ordered by thing.
    std::vector<Endpoint> endpoints;
    // Whether the whole was told once: before, what is missing may be there all the same.
    bool complete = false;
  };
  Snapshot Read() const;

  // "file" or "kubernetes".
  const std::string& source() const { return source_; }

 private:
  absl::Status CheckRoom(std::size_t endpoints) const;

  const std::string source_;
  const std::size_t most_;
  const std::function<void()> changed_;
  mutable Mutex mutex_;
  Endpoints all_ ABSL_GUARDED_BY(mutex_);
  std::size_t size_ ABSL_GUARDED_BY(mutex_) = 0;  // endpoints
  bool complete_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace eldr

#endif  // ELDR_SERVER_DISCOVERY_ENDPOINT_LIST_H_

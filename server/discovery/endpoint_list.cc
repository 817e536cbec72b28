#include "server/discovery/endpoint_list.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace eldr {

EndpointList::EndpointList(std::string source, std::size_t most, std::function<void()> changed)
    : source_(std::move(source)), most_(most), changed_(std::move(changed)) {}

absl::Status EndpointList::CheckRoom(std::size_t endpoints) const {
  if (endpoints <= most_) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(source_, ": got ", endpoints,
                                                   " endpoints, expected at most ", most_,
                                                   " (discovery.max_endpoints)"));
}

absl::Status EndpointList::SetAll(Endpoints all) {
  std::size_t size = 0;
  for (const auto& [thing, endpoints] : all) size += endpoints.size();
  ELDR_RETURN_IF_ERROR(CheckRoom(size));
  {
    MutexLock lock(mutex_);
    if (complete_ && all == all_) return absl::OkStatus();
    all_.swap(all);
    size_ = size;
    complete_ = true;
  }
  changed_();
  return absl::OkStatus();
}

absl::Status EndpointList::Put(absl::string_view thing, std::vector<Endpoint> endpoints) {
  {
    MutexLock lock(mutex_);
    const auto known = all_.find(std::string(thing));
    if (known != all_.end() && known->second == endpoints) return absl::OkStatus();
    const std::size_t before = known == all_.end() ? 0 : known->second.size();
    const std::size_t size = size_ - before + endpoints.size();
    ELDR_RETURN_IF_ERROR(CheckRoom(size));
    size_ = size;
    if (known != all_.end()) {
      known->second = std::move(endpoints);
    } else {
      all_.emplace(thing, std::move(endpoints));
    }
  }
  changed_();
  return absl::OkStatus();
}

void EndpointList::Remove(absl::string_view thing) {
  {
    MutexLock lock(mutex_);
    const auto known = all_.find(std::string(thing));
    if (known == all_.end()) return;
    size_ -= known->second.size();
    all_.erase(known);
  }
  changed_();
}

EndpointList::Snapshot EndpointList::Read() const {
  MutexLock lock(mutex_);
  Snapshot snapshot;
  snapshot.endpoints.reserve(size_);
  for (const auto& [thing, endpoints] : all_) {
    snapshot.endpoints.insert(snapshot.endpoints.end(), endpoints.begin(), endpoints.end());
  }
  snapshot.complete = complete_;
  return snapshot;
}

}  // namespace eldr

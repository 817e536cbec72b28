// What is known of the pods of a cluster, from lists and from watches.
#ifndef ELDR_SERVER_DISCOVERY_POD_BOOK_H_
#define ELDR_SERVER_DISCOVERY_POD_BOOK_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/config/config.h"
#include "server/discovery/discovery_metrics.h"
#include "server/discovery/endpoint_list.h"
#include "server/discovery/kube_objects.h"

namespace eldr {

// Tells an EndpointList of each pod that has an address and has not ended. Knows no network.
//
// Versions of objects are numbers that grow, as KEP 5504 has it; where one is not, nothing can be
// told of its age, and it counts as the newest. So an event that comes twice, or late, or after its
// object's end, changes nothing. What a watch leaves out, the next list puts right. Not
// thread-safe.
class PodBook {
 public:
  // All must outlive it.
  PodBook(const DiscoveryConfig& config, EndpointList& list, SourceMetrics& metrics,
          WatchMetrics& watch_metrics);

  // Of all pods, from now on.
  void SetPorts(std::vector<std::uint32_t> ports) { ports_ = std::move(ports); }

  // A list is its pages; nothing is taken over before the last.
  void BeginList();
  // What asks for the next page; empty if that was the last, and all is taken over.
  // INVALID_ARGUMENT or RESOURCE_EXHAUSTED if the list cannot be taken.
  absl::StatusOr<std::string> AddPage(absl::string_view body);

  // A line of a watch. OUT_OF_RANGE if only a new list can help; INVALID_ARGUMENT if it is none;
  // UNAVAILABLE for another error that the API server tells of. RESOURCE_EXHAUSTED if its pod was
  // left out, for want of room; the watch may go on.
  absl::Status TakeEvent(absl::string_view line);

  // What to watch from.
  const std::string& version() const { return version_; }

 private:
  // None if it has no endpoints.
  std::optional<std::vector<Endpoint>> EndpointsOfPod(const Pod& pod);
  // Of which there may be many, the pods of a list keep those that are asked for.
  void DropLabels(Pod& pod) const;
  absl::Status TakeOver();
  absl::Status Change(const Pod& pod, bool deleted);
  bool IsStale(const Pod& pod) const;
  void Advance(const std::string& version);

  const DiscoveryConfig& config_;
  EndpointList& list_;
  SourceMetrics& metrics_;
  WatchMetrics& watch_metrics_;
  std::vector<std::uint32_t> ports_;

  std::vector<Pod> pages_;  // of a list that is not whole yet
  std::size_t page_count_ = 0;

  // The versions seen last, of pods that are or were there, by name.
  std::map<std::string, std::optional<std::uint64_t>, std::less<>> known_;
  std::optional<std::uint64_t> list_version_;
  std::string version_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_DISCOVERY_POD_BOOK_H_

// What the API server of Kubernetes answers, as far as discovery goes by it.
#ifndef ELDR_SERVER_DISCOVERY_KUBE_OBJECTS_H_
#define ELDR_SERVER_DISCOVERY_KUBE_OBJECTS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace eldr {

struct Pod {
  std::string name;
  std::string uid;
  std::string resource_version;
  std::string ip;     // empty: none yet
  std::string phase;  // "Running"
  std::map<std::string, std::string, std::less<>> labels;
  bool ready = false;   // condition Ready is "True"
  bool ending = false;  // has a time of deletion

  // It has an address and has not come to its end.
  bool is_live() const { return !ip.empty() && phase != "Succeeded" && phase != "Failed"; }
};

// A page of a list of pods.
struct PodPage {
  std::vector<Pod> pods;
  std::string resource_version;
  std::string next;  // what asks for the next page; empty: this is the last
};
// INVALID_ARGUMENT if it is no list, RESOURCE_EXHAUSTED if there are more than `most` pods in it.
absl::StatusOr<PodPage> ParsePodPage(absl::string_view body, std::size_t most);

// A line of a watch.
struct PodEvent {
  std::string type;  // ADDED, MODIFIED, DELETED, BOOKMARK, ERROR
  Pod pod;           // BOOKMARK: its resource_version alone
  int code = 0;      // ERROR: 410 if the version to watch from is too old
  std::string message;
};
// INVALID_ARGUMENT if it is none.
absl::StatusOr<PodEvent> ParsePodEvent(absl::string_view line);

// An InferencePool of inference.networking.k8s.io/v1.
struct InferencePool {
  std::string selector;  // "key=value,key=value"
  std::vector<std::uint32_t> ports;

  bool operator==(const InferencePool&) const = default;
};
// INVALID_ARGUMENT, naming the field, if it is none, selects nothing, or has no port or more
// than 8.
absl::StatusOr<InferencePool> ParseInferencePool(absl::string_view body);

// The message of an answer that tells of an error; empty if there is none.
std::string KubeMessage(absl::string_view body);

// Whether it can be a name of Kubernetes' or a version of an object; such a text stands for itself
// in a URL.
bool IsKubeName(absl::string_view text);

}  // namespace eldr

#endif  // ELDR_SERVER_DISCOVERY_KUBE_OBJECTS_H_

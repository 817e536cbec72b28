// Endpoints that are pods of a cluster.
#ifndef ELDR_SERVER_DISCOVERY_KUBERNETES_SOURCE_H_
#define ELDR_SERVER_DISCOVERY_KUBERNETES_SOURCE_H_

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "server/base/log.h"
#include "server/config/config.h"
#include "server/discovery/discovery_metrics.h"
#include "server/discovery/endpoint_list.h"
#include "server/discovery/kube_api.h"
#include "server/discovery/kube_objects.h"
#include "server/discovery/pod_book.h"
#include "server/discovery/source.h"

namespace eldr {

// Lists the pods, then watches them, for ever: a watch that ends is begun again where it ended, and
// now and then, or if that is not possible any more, the pods are listed anew. While the API server
// does not answer, all stays as it was told last, and it is asked at growing intervals.
class KubernetesSource final : public Source {
 public:
  // `seed` of the pauses' chance: daemons that lost an API server together do not come back
  // together. All else must outlive it.
  KubernetesSource(const DiscoveryConfig& config, EndpointList& list, const Clock& clock, Log& log,
                   DiscoveryMetrics& metrics, WatchMetrics& watch_metrics, std::uint64_t seed);
  ~KubernetesSource() override;

  void Start() override;
  // A list, if one is needed, and a watch until it ends. Returns how long to wait before the next.
  // Public, so that tests need no thread.
  absl::Duration Step();

  // How long to wait after so many failures in a row, at least 1: half of it to all of it.
  static absl::Duration LongestPause(int failures);

 private:
  // What the pool or the configuration selects by.
  absl::StatusOr<InferencePool> ReadPool();
  absl::Status List();
  absl::Status WatchOnce();
  absl::Status TakeLine(absl::string_view line);
  void CountEnd(const absl::Status& status);
  absl::Duration After(const absl::Status& status, bool lived);
  void Tell(const absl::Status& status);
  std::string PodsPath() const;

  const DiscoveryConfig& config_;
  EndpointList& list_;
  const Clock& clock_;
  Log& log_;
  SourceMetrics metrics_;
  WatchMetrics& watch_metrics_;
  KubeApi api_;
  PodBook book_;
  std::mt19937_64 random_;

  std::string name_space_;
  std::optional<InferencePool> pool_;    // in force
  std::optional<MonotonicTime> listed_;  // none: a list is needed
  int failures_ = 0;
  std::string told_;  // the last error
  std::thread thread_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_DISCOVERY_KUBERNETES_SOURCE_H_

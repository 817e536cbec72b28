// Endpoints that stand in a file, read again when it changes.
#ifndef ELDR_SERVER_DISCOVERY_FILE_SOURCE_H_
#define ELDR_SERVER_DISCOVERY_FILE_SOURCE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "server/base/log.h"
#include "server/base/ticker.h"
#include "server/config/config.h"
#include "server/discovery/discovery_metrics.h"
#include "server/discovery/endpoint_list.h"
#include "server/discovery/endpoints_file.h"
#include "server/discovery/source.h"

namespace eldr {

// Looks at the file each second, by its name: so a link that leads elsewhere now, as where
// Kubernetes mounts a ConfigMap, is a change too. A file that cannot be read leaves what the last
// good one said, and so does a bad one.
class FileSource final : public Source {
 public:
  // All must outlive it.
  FileSource(const DiscoveryConfig& config, EndpointList& list, const Clock& clock, Log& log,
             SourceMetrics metrics);

  void Start() override;
  // One look. Public, so that tests need no thread.
  void Step();

 private:
  // Which file it was, and how it looked; changes with whatever is done to it.
  struct Look {
    std::string identity;
    absl::Status error;
  };
  Look LookAt() const;
  absl::StatusOr<EndpointsFile> Read() const;
  absl::Status Take(EndpointsFile file);
  void Tell(const absl::Status& status);

  const DiscoveryConfig& config_;
  EndpointList& list_;
  const Clock& clock_;
  Log& log_;
  SourceMetrics metrics_;
  std::string identity_;
  std::string told_;  // the last error
  std::unique_ptr<Ticker> ticker_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_DISCOVERY_FILE_SOURCE_H_

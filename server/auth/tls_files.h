// The certificate files in force.
#ifndef ELDR_SERVER_AUTH_TLS_FILES_H_
#define ELDR_SERVER_AUTH_TLS_FILES_H_

#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <memory>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "server/auth/tls.h"
#include "server/base/log.h"
#include "server/config/config.h"

namespace eldr {

// Both ports serve with what this holds. Files that cannot be read or do not fit each other change
// nothing: the former ones serve on. Keeps eldr_tls_certificate_expiry_timestamp_seconds.
//
// Thread-safe.
class TlsFiles {
 public:
  // What serves: all of one reading.
  struct Loaded {
    TlsMaterial material;
    SslContextPtr context;  // for the HTTP port
  };

  // Errors as ReadTlsFiles. REQUIRES: config.enabled(). References must outlive the object.
  static absl::StatusOr<std::unique_ptr<TlsFiles>> Open(const TlsConfig& config, const Clock& clock,
                                                        prometheus::Registry& registry);

  // Each reading that changed something has an address of its own, as long as somebody holds it.
  std::shared_ptr<const Loaded> current() const;

  // Reads the files; true if they hold something else than what served so far. Errors as Open.
  absl::StatusOr<bool> Reload();

  // A line `certificate_not_valid` for each certificate whose term has ended or has not begun. With
  // `again`, also for those that had one already.
  void WarnOfTerms(Log& log, bool again);

  const std::string& path() const { return config_.certificate; }

 private:
  TlsFiles(const TlsConfig& config, const Clock& clock, prometheus::Registry& registry);
  void SetGauges(const TlsMaterial& material);

  const TlsConfig& config_;
  const Clock& clock_;
  prometheus::Family<prometheus::Gauge>& expiry_;
  mutable Mutex mutex_;
  std::shared_ptr<const Loaded> current_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> warned_ ABSL_GUARDED_BY(mutex_);  // what was said of which certificate
};

}  // namespace eldr

#endif  // ELDR_SERVER_AUTH_TLS_FILES_H_

// Tells operators when the certificates in use end.
#ifndef ELDR_SERVER_TLS_EXPIRY_H_
#define ELDR_SERVER_TLS_EXPIRY_H_

#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include "absl/status/statusor.h"
#include "server/config/config.h"

namespace eldr {

// Keeps eldr_tls_certificate_expiry_timestamp_seconds. Not thread-safe.
class TlsExpiry {
 public:
  // REQUIRES: config.enabled(). References must outlive the object.
  TlsExpiry(const TlsConfig& config, prometheus::Registry& registry);

  // Looks at the files; true if a certificate ends at another time than the one before. As long as
  // they do not fit each other the former ones serve, and count; of such a time only the first look
  // answers the error, which is that of CheckTlsFiles.
  absl::StatusOr<bool> Reload();

 private:
  absl::StatusOr<bool> Look();

  const TlsConfig& config_;
  prometheus::Gauge& certificate_;
  prometheus::Gauge* client_ca_ = nullptr;  // nullptr if clients show no certificate
  bool failing_ = false;
};

}  // namespace eldr

#endif  // ELDR_SERVER_TLS_EXPIRY_H_

#include "server/auth/tls_expiry.h"

#include <utility>

#include "absl/time/time.h"
#include "core/base/status_macros.h"
#include "server/auth/tls.h"

namespace eldr {
namespace {

prometheus::Family<prometheus::Gauge>& ExpiryFamily(prometheus::Registry& registry) {
  return prometheus::BuildGauge()
      .Name("eldr_tls_certificate_expiry_timestamp_seconds")
      .Help("When the first certificate of the file ends, in seconds since 1970.")
      .Register(registry);
}

}  // namespace

TlsExpiry::TlsExpiry(const TlsConfig& config, prometheus::Registry& registry)
    : config_(config), certificate_(ExpiryFamily(registry).Add({{"file", "certificate"}})) {
  if (!config_.client_ca.empty()) {
    client_ca_ = &ExpiryFamily(registry).Add({{"file", "client_ca"}});
  }
}

absl::StatusOr<bool> TlsExpiry::Reload() {
  absl::StatusOr<bool> changed = Look();
  const bool failed_before = std::exchange(failing_, !changed.ok());
  if (!changed.ok() && failed_before) return false;
  return changed;
}

absl::StatusOr<bool> TlsExpiry::Look() {
  ELDR_RETURN_IF_ERROR(CheckTlsFiles(config_));
  bool changed = false;
  const auto set = [&changed](prometheus::Gauge& gauge, absl::Time end) {
    const auto seconds = static_cast<double>(absl::ToUnixSeconds(end));
    changed = changed || gauge.Value() != seconds;
    gauge.Set(seconds);
  };
  absl::Time end;
  ELDR_ASSIGN_OR_RETURN(end, FirstExpiry("tls.certificate", config_.certificate));
  set(certificate_, end);
  if (client_ca_ == nullptr) return changed;
  ELDR_ASSIGN_OR_RETURN(end, FirstExpiry("tls.client_ca", config_.client_ca));
  set(*client_ca_, end);
  return changed;
}

}  // namespace eldr

#include "server/config/consistency.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/config/config_field.h"
#include "server/config/listen_address.h"

namespace eldr {
namespace {

absl::Status Refuse(absl::string_view key, absl::string_view got, absl::string_view expected,
                    const ConfigOrigins& origins) {
  return absl::InvalidArgumentError(
      absl::StrCat(OriginOf(key, origins), ": ", key, ": got ", got, ", expected ", expected));
}

std::string Quote(absl::string_view text) { return absl::StrCat("\"", text, "\""); }

// Plaintext that other machines can reach must be asked for in so many words.
absl::Status CheckPlaintext(absl::string_view section, const std::vector<std::string>& addresses,
                            bool allowed, const ConfigOrigins& origins) {
  const std::string key = absl::StrCat(section, ".listen");
  for (const std::string& text : addresses) {
    const auto address = ParseListenAddress(text);
    if (!address.ok()) return absl::InternalError(absl::StrCat(key, ": ", text));
    if (allowed || address->loopback()) continue;
    return Refuse(
        key, Quote(text),
        absl::StrCat("a loopback address (127.0.0.0/8, [::1], localhost",
                     section == "grpc" ? ", unix:PATH), tls.certificate" : "), http.tls: true",
                     " or ", section,
                     ".insecure: true, which lets other machines talk to it in "
                     "plaintext"),
        origins);
  }
  return absl::OkStatus();
}

// What needs a key that is not set. `needed` stands in for it in the message.
absl::Status CheckNeeds(absl::string_view key, absl::string_view got, bool fulfilled,
                        absl::string_view needed, const ConfigOrigins& origins) {
  if (got.empty() || fulfilled) return absl::OkStatus();
  return Refuse(key, Quote(got), absl::StrCat(needed, " with it"), origins);
}

absl::Status CheckCredentials(const Config& config, const ConfigOrigins& origins) {
  const TlsConfig& tls = config.tls;
  ELDR_RETURN_IF_ERROR(
      CheckNeeds("tls.certificate", tls.certificate, !tls.key.empty(), "tls.key", origins));
  ELDR_RETURN_IF_ERROR(
      CheckNeeds("tls.key", tls.key, !tls.certificate.empty(), "tls.certificate", origins));
  ELDR_RETURN_IF_ERROR(
      CheckNeeds("tls.client_ca", tls.client_ca, tls.enabled(), "tls.certificate", origins));
  ELDR_RETURN_IF_ERROR(CheckNeeds("http.tls", config.http.tls ? "true" : "", tls.enabled(),
                                  "tls.certificate", origins));
  for (std::size_t i = 0; i < kRoles; ++i) {
    const std::vector<std::string>& names = config.auth.certificates[i];
    ELDR_RETURN_IF_ERROR(CheckNeeds(absl::StrCat("auth.certificates.", Name(static_cast<Role>(i))),
                                    names.empty() ? "" : names.front(), !tls.client_ca.empty(),
                                    "tls.client_ca", origins));
  }
  return absl::OkStatus();
}

// Whoever writes `auth` wants it: without a credential it would let everybody do everything.
absl::Status CheckAuth(const AuthConfig& auth, const ConfigOrigins& origins) {
  if (origins.find("auth") == origins.end() || auth.enabled()) return absl::OkStatus();
  return Refuse("auth", "no credential in any of its lists",
                "a file in auth.tokens or a name in auth.certificates; without the section "
                "everybody who can connect may do everything",
                origins);
}

// Keys that only count while another one is set. A prefix ends with a dot.
struct Dependence {
  absl::string_view keys;
  absl::string_view on;
};
constexpr Dependence kDependences[] = {
    {"capture.", "capture.directory"},
    {"event_log.", "event_log.directory"},
    {"state_sync", "state_dir"},
    {"state_sync_interval", "state_dir"},
    {"tls.client_certificates", "tls.client_ca"},
    {"discovery.scrape.", "discovery.scrape.preset"},
};

absl::Status CheckDependences(Config config, const ConfigOrigins& origins) {
  Config defaults;
  std::vector<ConfigField> fields = FieldsOf(config), default_fields = FieldsOf(defaults);
  for (const Dependence& dependence : kDependences) {
    const ConfigField* const on = FindField(fields, dependence.on);
    if (on->print() != FindField(default_fields, dependence.on)->print()) continue;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const std::string& key = fields[i].path;
      const bool depends = key == dependence.keys || (absl::EndsWith(dependence.keys, ".") &&
                                                      absl::StartsWith(key, dependence.keys));
      const std::string value = fields[i].print();
      if (!depends || value == default_fields[i].print()) continue;
      return Refuse(key, Quote(value),
                    absl::StrCat(dependence.on, " with it; without, it has no effect"), origins);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckAddresses(const std::vector<std::string>& addresses,
                            const ConfigOrigins& origins) {
  if (addresses.empty()) return Refuse("grpc.listen", "[]", "an address", origins);
  for (auto it = addresses.begin(); it != addresses.end(); ++it) {
    if (std::find(addresses.begin(), it, *it) == it) continue;
    const auto address = ParseListenAddress(*it);
    if (address.ok() && address->port == 0 && !address->unix_socket) continue;  // any free port
    return Refuse("grpc.listen", absl::StrCat(Quote(*it), " a second time"), "it once", origins);
  }
  return absl::OkStatus();
}

// OK if all keys under `prefix` are as by default; else what they need.
absl::Status CheckUntouched(Config config, absl::string_view prefix, absl::string_view needed,
                            const ConfigOrigins& origins) {
  Config defaults;
  const std::vector<ConfigField> fields = FieldsOf(config), others = FieldsOf(defaults);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::string value = fields[i].print();
    if (!absl::StartsWith(fields[i].path, prefix) || value == others[i].print()) continue;
    return Refuse(fields[i].path, Quote(value),
                  absl::StrCat(needed, " with it; without, it has no effect"), origins);
  }
  return absl::OkStatus();
}

absl::Status CheckDiscovery(const Config& config, const ConfigOrigins& origins) {
  const DiscoveryConfig& discovery = config.discovery;
  const KubernetesConfig& kubernetes = discovery.kubernetes;
  if (!kubernetes.enabled()) {
    ELDR_RETURN_IF_ERROR(CheckUntouched(
        config, "discovery.kubernetes.",
        "discovery.kubernetes.selector or discovery.kubernetes.inference_pool", origins));
  }
  if (!discovery.enabled()) {
    return CheckUntouched(config, "discovery.",
                          "discovery.file or a selector or pool in discovery.kubernetes", origins);
  }
  if (discovery.model.empty() && discovery.model_label.empty()) {
    const std::pair<absl::string_view, absl::string_view> sources[] = {
        {"discovery.file", discovery.file},
        {"discovery.kubernetes.selector", kubernetes.selector},
        {"discovery.kubernetes.inference_pool", kubernetes.inference_pool}};
    for (const auto& [key, value] : sources) {
      ELDR_RETURN_IF_ERROR(
          CheckNeeds(key, value, false, "discovery.model or discovery.model_label", origins));
    }
  }
  if (kubernetes.target_ports.empty()) {
    return Refuse("discovery.kubernetes.target_ports", "[]", "a port", origins);
  }
  if (kubernetes.inference_pool.empty()) return absl::OkStatus();
  const bool ports_told = kubernetes.target_ports != KubernetesConfig().target_ports;
  if (kubernetes.selector.empty() && !ports_told) return absl::OkStatus();
  return Refuse(absl::StrCat("discovery.kubernetes.", ports_told ? "target_ports" : "selector"),
                "a value beside inference_pool", "one of the two: a pool has a selector and ports",
                origins);
}

// A file that is larger than all may be together would never be deleted.
absl::Status CheckFileSizes(absl::string_view section, std::uint64_t file_bytes,
                            std::uint64_t max_bytes, const ConfigOrigins& origins) {
  if (file_bytes <= max_bytes) return absl::OkStatus();
  return Refuse(absl::StrCat(section, ".file_bytes"), Quote(FormatSize(file_bytes)),
                absl::StrCat("at most ", FormatSize(max_bytes), " (", section, ".max_bytes)"),
                origins);
}

}  // namespace

std::string OriginOf(absl::string_view key, const ConfigOrigins& origins) {
  const auto origin = origins.find(std::string(key));
  return origin == origins.end() ? "default" : origin->second;
}

absl::Status CheckConsistency(const Config& config, const ConfigOrigins& origins) {
  ELDR_RETURN_IF_ERROR(CheckAddresses(config.grpc.listen, origins));
  ELDR_RETURN_IF_ERROR(CheckCredentials(config, origins));
  ELDR_RETURN_IF_ERROR(CheckAuth(config.auth, origins));
  ELDR_RETURN_IF_ERROR(CheckPlaintext("grpc", config.grpc.listen,
                                      config.grpc.insecure || config.tls.enabled(), origins));
  ELDR_RETURN_IF_ERROR(CheckPlaintext("http", {config.http.listen},
                                      config.http.insecure || config.http.tls, origins));
  ELDR_RETURN_IF_ERROR(CheckDependences(config, origins));
  ELDR_RETURN_IF_ERROR(CheckDiscovery(config, origins));
  ELDR_RETURN_IF_ERROR(
      CheckFileSizes("capture", config.capture.file_bytes, config.capture.max_bytes, origins));
  return CheckFileSizes("event_log", config.event_log.file_bytes, config.event_log.max_bytes,
                        origins);
}

}  // namespace eldr

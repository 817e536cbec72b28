// The daemon's configuration: what it is, and how it is read from a file and from flags.
//
// The keys, their defaults, ranges and effects are described in config/eldrd.yaml.
#ifndef ELDR_SERVER_CONFIG_CONFIG_H_
#define ELDR_SERVER_CONFIG_CONFIG_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/policy/policy_settings.h"
#include "core/route/router.h"
#include "server/config/role.h"

namespace eldr {

struct GrpcConfig {
  std::vector<std::string> listen = {"127.0.0.1:9002"};
  bool insecure = false;  // plaintext for other machines
  bool reflection = true;
  std::uint64_t max_message_bytes = 4 << 20;
  std::uint64_t max_metadata_bytes = 16 << 10;  // headers of a call
  std::uint64_t max_concurrent_streams = 1024;  // calls at a time, per connection
  absl::Duration keepalive_time = absl::Seconds(60);
  std::uint64_t max_transport_bytes = 1 << 30;  // of gRPC's own buffers
};

struct HttpConfig {
  std::string listen = "127.0.0.1:9090";
  bool insecure = false;
  bool tls = false;        // with the certificate of TlsConfig
  std::string token_file;  // empty: pages need no token
  bool page = true;        // the page for people, its data and the history that it shows
};

// Files of the gRPC port's certificate; none: plaintext.
struct TlsConfig {
  std::string certificate;
  std::string key;
  std::string client_ca;                         // empty: clients show no certificate
  std::string client_certificates = "required";  // or optional; with client_ca

  bool enabled() const { return !certificate.empty(); }
};

// Credentials by the role that they give. None at all: everybody may do everything; a file says so
// by having no `auth`, for one that is empty is refused.
struct AuthConfig {
  std::array<std::vector<std::string>, kRoles> tokens;        // files
  std::array<std::vector<std::string>, kRoles> certificates;  // names

  // False if there is no credential at all.
  bool enabled() const;
};

// The most that is served at a time.
struct CallLimitsConfig {
  std::uint64_t calls = 16'384;
  std::uint64_t streams = 4096;
  std::uint64_t streams_per_peer = 1024;
  std::uint64_t waits = 16'384;
  std::uint64_t waits_per_peer = 8192;
  std::uint64_t wait_bytes = 64 << 20;
  std::uint64_t answer_bytes = 256 << 20;
  absl::Duration queue_wait = absl::Milliseconds(100);
  std::uint64_t concurrent_placements = 0;  // 0: by the processors that the process may use
};

struct LogConfig {
  std::string level = "info";   // debug, info, warning, error
  std::string format = "text";  // text, json
  bool requests = false;        // a line per placement
};

// Where received signatures are recorded, and how many.
struct CaptureConfig {
  std::string directory;  // empty: none are
  double share = 1;       // of the requests
  std::uint64_t file_bytes = 32 << 20;
  std::uint64_t max_bytes = 256 << 20;  // of all files
};

// Where events are logged for deciding them again, and how many.
struct EventLogConfig {
  std::string directory;  // empty: none are
  std::uint64_t file_bytes = 64 << 20;
  std::uint64_t max_bytes = 512 << 20;  // of all files
};

// Where the router's state is kept beyond the process, and when it is written.
struct StateConfig {
  std::string directory;          // empty: nowhere
  std::string sync = "interval";  // always, interval, never
  absl::Duration sync_interval = absl::Milliseconds(100);
};

// Which pods of a cluster are engines; off unless one of the two is set.
struct KubernetesConfig {
  std::string selector;                              // of labels, as the API server takes it
  std::string inference_pool;                        // whose selector and ports count instead
  std::vector<std::uint32_t> target_ports = {8000};  // with `selector`
  std::string name_space;                            // empty: that of the credentials
  std::string api_server = "https://kubernetes.default.svc";
  // A folder with token, ca.crt and namespace, as a service account's is mounted.
  std::string credentials = "/var/run/secrets/kubernetes.io/serviceaccount";

  bool enabled() const { return !selector.empty() || !inference_pool.empty(); }
};

// How the daemon reads the load of discovered nodes off their metrics pages.
struct ScrapeConfig {
  std::string preset;  // empty: it does not; vllm, sglang, trtllm
  absl::Duration interval = absl::Seconds(1);
  absl::Duration timeout = absl::Seconds(1);
  std::string path;                  // empty: the preset's
  std::vector<std::string> metrics;  // METRIC=NAME, as eldr-agent --metric
};

// Nodes that register nothing themselves. Off unless a source is set.
struct DiscoveryConfig {
  std::string model;  // of engines whose label tells none
  std::string model_label;
  std::string role_label = "llm-d.ai/role";
  std::string expert_group_label;
  absl::Duration remove_after = absl::Seconds(30);
  std::uint64_t max_endpoints = 4096;  // of each source
  std::string file;                    // empty: none
  KubernetesConfig kubernetes;
  ScrapeConfig scrape;

  bool enabled() const { return !file.empty() || kubernetes.enabled(); }
};

struct Config {
  GrpcConfig grpc;
  HttpConfig http;
  TlsConfig tls;
  AuthConfig auth;
  absl::Duration credential_reload_interval = absl::Seconds(10);
  CallLimitsConfig limits;
  Router::Options router;
  absl::Duration shutdown_delay = absl::Seconds(5);
  absl::Duration drain_timeout = absl::Seconds(30);
  LogConfig log;
  CaptureConfig capture;
  EventLogConfig event_log;
  StateConfig state;
  DiscoveryConfig discovery;
  PolicySettings default_policy;
  std::vector<ModelSpec> models;
};

// A value that a flag gives, by the path of its key ("grpc.listen"). Several for a list replace it.
struct ConfigOverride {
  std::string key;
  std::string value;
  std::string flag;  // for messages: "--grpc-listen"
};

// Reads `yaml`, applies `overrides` and checks the whole. INVALID_ARGUMENT for an unknown key, a
// bad value, and whatever of the text would be ignored or could be taken for something else:
// "FILE:LINE: key: got X, expected Y", with the flag's name in the place of FILE:LINE for a value
// that came from a flag.
absl::StatusOr<Config> ParseConfig(absl::string_view yaml, absl::string_view file_name,
                                   absl::Span<const ConfigOverride> overrides = {});

// The same from a file; an empty path means the defaults. Errors of the file itself are those of
// ReadConfigFile().
absl::StatusOr<Config> LoadConfig(const std::string& path,
                                  absl::Span<const ConfigOverride> overrides = {});

// The whole configuration as YAML that ParseConfig reads back; without `auth`, if that is empty.
std::string PrintConfig(const Config& config);

// The paths of all keys outside of `models`, in the order in which they are printed.
std::vector<std::string> ConfigKeys();

}  // namespace eldr

#endif  // ELDR_SERVER_CONFIG_CONFIG_H_

// The daemon: the one place where its parts are built, started and stopped.
#ifndef ELDR_SERVER_DAEMON_H_
#define ELDR_SERVER_DAEMON_H_

#include <prometheus/registry.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/clock.h"
#include "core/route/router.h"
#include "server/auth/audit.h"
#include "server/auth/authorizer.h"
#include "server/auth/tls_expiry.h"
#include "server/auth/token_file.h"
#include "server/base/log.h"
#include "server/base/ticker.h"
#include "server/config/config.h"
#include "server/grpc_server.h"
#include "server/http_server.h"
#include "server/metrics/fleet_collector.h"
#include "server/metrics/metrics.h"
#include "server/metrics/process_collector.h"
#include "server/observers.h"
#include "server/record/event_log.h"
#include "server/record/signature_capture.h"
#include "server/router_events.h"
#include "server/rpc/call_gate.h"
#include "server/rpc/call_limits.h"
#include "server/rpc/service_context.h"
#include "server/service/fleet_service.h"
#include "server/service/model_service.h"
#include "server/service/placement_feed.h"
#include "server/service/placement_service.h"
#include "server/state/state_store.h"

namespace eldr {

//   auto daemon = Daemon::Start(config);
//   ... wait for a signal ...
//   (*daemon)->Stop();
class Daemon {
 public:
  // Listens on both ports when it returns, with the configured models declared. UNAVAILABLE if it
  // cannot listen; INVALID_ARGUMENT if a file of certificates or tokens is not usable.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(const Config& config);
  // The same on another clock, which must outlive the daemon, and with log lines to `sink`.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(const Config& config, const Clock& clock,
                                                       spdlog::sink_ptr sink);
  ~Daemon();

  // As bound.
  const std::vector<ListenAddress>& grpc_addresses() const { return grpc_->addresses(); }
  const ListenAddress& http_address() const { return http_->address(); }

  // Shuts down in order: not ready, a pause for load balancers to notice (shutdown_delay), new
  // calls refused and streams ended, calls in flight finished (drain_timeout), ports closed. Leases
  // do not delay it. Only the first call does anything.
  void Stop();

 private:
  Daemon(const Config& config, const Clock& clock, spdlog::sink_ptr sink);
  absl::Status Build();
  // Gives the router what state_dir holds.
  void RestoreState();
  absl::Status OpenPorts();
  void ReloadCredentials();
  std::string MetricsText();

  const Config config_;
  const Clock& clock_;
  std::atomic<bool> ready_{false};
  bool stopped_ = false;

  // Each uses those above it.
  Log log_;
  prometheus::Registry registry_;
  Metrics metrics_;
  RouterEvents events_;
  Observers observers_;
  std::unique_ptr<StateStore> state_;          // nullptr if the state is not kept
  std::unique_ptr<SignatureCapture> capture_;  // nullptr if nothing is recorded
  CallGate gate_;
  CallLimits limits_;
  WorkLine placements_;
  Audit audit_;
  std::unique_ptr<Authorizer> authorizer_;
  std::unique_ptr<TokenFile> http_tokens_;  // nullptr if pages need no token
  std::unique_ptr<TlsExpiry> tls_expiry_;   // nullptr without TLS
  std::unique_ptr<Router> router_;
  // nullptr if nothing is recorded. Its last words may be a snapshot of the router, which has to be
  // there still; by then nobody calls the router, which would tell of it.
  std::unique_ptr<EventLog> event_log_;
  std::unique_ptr<PlacementFeed> feed_;
  std::unique_ptr<FleetCollector> collector_;
  const ProcessCollector process_;
  std::unique_ptr<ServiceContext> context_;
  std::unique_ptr<PlacementService> placement_service_;
  std::unique_ptr<FleetService> fleet_service_;
  std::unique_ptr<ModelService> model_service_;
  std::unique_ptr<Ticker> ticker_;
  std::unique_ptr<Ticker> background_;
  std::unique_ptr<Ticker> recorder_;
  std::unique_ptr<Ticker> reloader_;
  std::unique_ptr<GrpcServer> grpc_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_DAEMON_H_

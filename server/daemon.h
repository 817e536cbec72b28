// The daemon: the one place where its parts are built, started and stopped.
#ifndef ELDR_SERVER_DAEMON_H_
#define ELDR_SERVER_DAEMON_H_

#include <prometheus/registry.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/route/router.h"
#include "server/auth/audit.h"
#include "server/auth/authorizer.h"
#include "server/auth/credential_reload.h"
#include "server/auth/tls_files.h"
#include "server/auth/token_file.h"
#include "server/base/log.h"
#include "server/base/ticker.h"
#include "server/config/config.h"
#include "server/discovery/discovery.h"
#include "server/grpc_server.h"
#include "server/http/http_server.h"
#include "server/metrics/fleet_collector.h"
#include "server/metrics/history.h"
#include "server/metrics/log_collector.h"
#include "server/metrics/metrics.h"
#include "server/metrics/process_collector.h"
#include "server/observers.h"
#include "server/pages.h"
#include "server/readiness.h"
#include "server/record/event_log.h"
#include "server/record/signature_capture.h"
#include "server/router_events.h"
#include "server/rpc/call_limits.h"
#include "server/rpc/in_flight_calls.h"
#include "server/rpc/service_context.h"
#include "server/service/fleet_service.h"
#include "server/service/history_service.h"
#include "server/service/model_service.h"
#include "server/service/placement_feed.h"
#include "server/service/placement_service.h"
#include "server/state/state_store.h"

namespace eldr {

//   auto daemon = Daemon::Start(config, RealClock(), log);
//   ... wait for a signal ...
//   (*daemon)->Stop();
class Daemon {
 public:
  // Listens on both ports when it returns, with the configured models declared. UNAVAILABLE if it
  // cannot listen; INVALID_ARGUMENT if a file of certificates or tokens is not usable. `clock` and
  // `log` must outlive the daemon.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(const Config& config, const Clock& clock,
                                                       Log& log);
  // The same with a log of its own, to `output`; nullptr means standard error.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(const Config& config, const Clock& clock,
                                                       std::shared_ptr<LogOutput> output);
  ~Daemon();

  // As bound.
  const std::vector<ListenAddress>& grpc_addresses() const { return grpc_->addresses(); }
  const ListenAddress& http_address() const { return http_->address(); }

  // Shuts down in order: not ready, a pause for load balancers to notice (shutdown_delay), new
  // calls refused and streams ended, calls in flight finished (drain_timeout), ports closed. Leases
  // do not delay it. Only the first call does anything.
  void Stop();

  // Reads the files of tokens and certificates again and takes the log's level from `config`, the
  // configuration as it reads now. A line `reloaded` says what was done, and which changed keys
  // need a restart. Not at the same time as Stop().
  void Reload(const absl::StatusOr<Config>& config);

  // True once its port does not answer any more, for no reason outside of the process: only a new
  // process can help.
  bool hopeless() const { return readiness_->hopeless(); }

  // How often it has called itself, whatever came of it. One each second, or something is stuck.
  std::uint64_t self_calls() const { return self_calls_.load(); }

 private:
  Daemon(const Config& config, const Clock& clock, std::unique_ptr<Log> own_log, Log* log);
  absl::Status Build();
  // Gives the router what state_dir holds.
  void RestoreState();
  absl::Status OpenCredentials();
  void StartTickers();
  absl::Status OpenPorts();
  absl::Status OpenGrpcPort();
  absl::Status OpenHttpPort();
  // The page for people and its data; none if it is switched off.
  std::vector<HttpPage> PeoplesPages();
  // Calls itself, and lets health say what came of it.
  void CheckReadiness();
  // Why no calls should come just now; empty if they should.
  std::string NotReady() const;
  // What of state and records does not reach its disk.
  std::vector<SinkCheck> CheckSinks() const;
  std::vector<prometheus::MetricFamily> CollectMetrics();
  std::string ConfigText() const;

  const Config config_;
  const Clock& clock_;
  const absl::Time start_time_;
  // Held while health is told, so that nobody tells it that all is well once this stops.
  Mutex health_mutex_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> self_calls_{0};
  bool stopped_ = false;

  // Each uses those above it.
  const std::unique_ptr<Log> own_log_;  // nullptr if the log is another's
  Log& log_;
  prometheus::Registry registry_;
  Metrics metrics_;
  RouterEvents events_;
  Observers observers_;
  std::unique_ptr<StateStore> state_;          // nullptr if the state is not kept
  std::unique_ptr<SignatureCapture> capture_;  // nullptr if nothing is recorded
  InFlightCalls calls_;
  CallLimits limits_;
  AdmissionQueue placements_;
  Audit audit_;
  std::unique_ptr<Authorizer> authorizer_;
  std::unique_ptr<TokenFile> http_tokens_;  // nullptr if pages need no token
  std::unique_ptr<TlsFiles> tls_files_;     // nullptr without TLS
  std::unique_ptr<CredentialReload> credentials_;
  std::unique_ptr<Router> router_;
  // nullptr if nothing is recorded. Its last words may be a snapshot of the router, which has to be
  // there still; by then nobody calls the router, which would tell of it.
  std::unique_ptr<EventLog> event_log_;
  std::unique_ptr<Discovery> discovery_;  // nullptr if nodes register themselves alone
  std::unique_ptr<PlacementFeed> feed_;
  std::unique_ptr<History> history_;  // nullptr if no page shows it
  std::unique_ptr<FleetCollector> collector_;
  const ProcessCollector process_;
  const LogCollector log_collector_;
  std::unique_ptr<ServiceContext> context_;
  std::unique_ptr<PlacementService> placement_service_;
  std::unique_ptr<FleetService> fleet_service_;
  std::unique_ptr<ModelService> model_service_;
  std::unique_ptr<HistoryService> history_service_;
  std::unique_ptr<Ticker> ticker_;
  std::vector<std::unique_ptr<Ticker>> background_;  // by the length of the work
  std::unique_ptr<Ticker> recorder_;
  std::unique_ptr<Ticker> historian_;
  std::unique_ptr<Ticker> reloader_;
  std::unique_ptr<GrpcServer> grpc_;
  std::unique_ptr<Readiness> readiness_;
  std::unique_ptr<Ticker> self_caller_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_DAEMON_H_

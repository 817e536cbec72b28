#include "server/daemon.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <iterator>
#include <thread>
#include <utility>

#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "server/auth/reflection_guard.h"
#include "server/auth/tls.h"
#include "server/base/processors.h"
#include "server/version.h"

namespace eldr {
namespace {

// How exact leases, stored signatures and silent nodes of idle models are timed.
constexpr absl::Duration kStepInterval = absl::Milliseconds(100);
// For what is left on the wire once every call is answered.
constexpr absl::Duration kFlushGrace = absl::Milliseconds(200);
// For threads that have answered a call and are about to leave the gate.
constexpr absl::Duration kLeaveGrace = absl::Seconds(10);

std::size_t WidthOf(const CallLimitsConfig& limits) {
  if (limits.concurrent_placements > 0) return limits.concurrent_placements;
  return WorkLineWidth(UsableProcessors());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(const Config& config) {
  return Start(config, RealClock(), nullptr);
}

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(const Config& config, const Clock& clock,
                                                      spdlog::sink_ptr sink) {
  std::unique_ptr<Daemon> daemon(new Daemon(config, clock, std::move(sink)));
  ELDR_RETURN_IF_ERROR(daemon->Build());
  return daemon;
}

Daemon::Daemon(const Config& config, const Clock& clock, spdlog::sink_ptr sink)
    : config_(config),
      clock_(clock),
      log_(config_.log, clock_, std::move(sink)),
      metrics_(registry_, config_.router.max_models),
      events_(metrics_, log_),
      limits_(config_.limits),
      placements_(WidthOf(config_.limits), config_.limits.queue_wait, clock_),
      audit_(log_, clock_) {}

absl::Status Daemon::Build() {
  ELDR_ASSIGN_OR_RETURN(authorizer_, Authorizer::Create(config_.auth));
  if (!config_.http.token_file.empty()) {
    ELDR_ASSIGN_OR_RETURN(http_tokens_,
                          TokenFile::Open("http.token_file", config_.http.token_file));
  }
  if (config_.tls.enabled()) {
    tls_expiry_ = std::make_unique<TlsExpiry>(config_.tls, registry_);
    ELDR_RETURN_IF_ERROR(tls_expiry_->Reload().status());
  }
  observers_.Add(events_);
  if (!config_.state.directory.empty()) {
    ELDR_ASSIGN_OR_RETURN(state_, StateStore::Open(config_.state, clock_, log_, registry_));
    observers_.Add(*state_);
  }
  ELDR_ASSIGN_OR_RETURN(router_, Router::Create(config_.router, clock_, observers_));
  feed_ = std::make_unique<PlacementFeed>(*router_);
  context_ =
      std::make_unique<ServiceContext>(ServiceContext{.router = *router_,
                                                      .gate = gate_,
                                                      .authorizer = *authorizer_,
                                                      .limits = limits_,
                                                      .placements = placements_,
                                                      .audit = audit_,
                                                      .metrics = metrics_,
                                                      .log = log_,
                                                      .clock = clock_,
                                                      .default_policy = config_.default_policy,
                                                      .log_requests = config_.log.requests,
                                                      .feed = *feed_});
  if (!config_.capture.directory.empty()) {
    ELDR_ASSIGN_OR_RETURN(capture_, SignatureCapture::Open(config_.capture, clock_, log_));
    context_->capture = capture_.get();
  }
  if (!config_.event_log.directory.empty()) {
    ELDR_ASSIGN_OR_RETURN(event_log_, EventLog::Open(config_.event_log, *router_, clock_, log_));
    events_.set_event_log(event_log_.get());
    context_->event_log = event_log_.get();
  }
  collector_ = std::make_unique<FleetCollector>(*router_, capture_.get(), event_log_.get());
  for (const ModelSpec& model : config_.models) {
    ELDR_RETURN_IF_ERROR(DeclareModel(*context_, model).status());
  }
  if (state_ != nullptr) RestoreState();
  placement_service_ = std::make_unique<PlacementService>(*context_);
  fleet_service_ = std::make_unique<FleetService>(*context_);
  model_service_ = std::make_unique<ModelService>(*context_);
  ticker_ = std::make_unique<Ticker>(kStepInterval, [this] { router_->Step(); });
  // Apart from the ticker, so that a long fit delays no expiry.
  background_ = std::make_unique<Ticker>(kStepInterval, [this] {
    for (BackgroundJob& job : router_->TakeBackgroundJobs()) {
      job.Run();
      job.Publish();
    }
  });
  // Apart from both, so that a slow disk delays neither.
  if (capture_ != nullptr || event_log_ != nullptr) {
    recorder_ = std::make_unique<Ticker>(kStepInterval, [this] {
      if (capture_ != nullptr) capture_->Flush();
      if (event_log_ != nullptr) event_log_->Flush();
    });
  }
  reloader_ =
      std::make_unique<Ticker>(config_.credential_reload_interval, [this] { ReloadCredentials(); });
  return OpenPorts();
}

absl::Status Daemon::OpenPorts() {
  std::shared_ptr<grpc::ServerCredentials> credentials;
  if (config_.tls.enabled()) {
    ELDR_ASSIGN_OR_RETURN(credentials,
                          MakeServerCredentials(config_.tls, config_.credential_reload_interval));
  }
  std::unique_ptr<ReflectionGuard> guard;
  if (authorizer_->enabled()) guard = std::make_unique<ReflectionGuard>(*authorizer_, audit_);
  ELDR_ASSIGN_OR_RETURN(grpc_, GrpcServer::Start(config_.grpc,
                                                 {placement_service_.get(), fleet_service_.get(),
                                                  model_service_.get()},
                                                 credentials, std::move(guard)));
  ListenAddress http_address;
  ELDR_ASSIGN_OR_RETURN(http_address, ParseListenAddress(config_.http.listen));
  HttpServer::Sources sources{.metrics = [this] { return MetricsText(); },
                              .ready = [this] { return ready_.load(); }};
  if (http_tokens_ != nullptr) {
    sources.may_read = [this](absl::string_view authorization) {
      return http_tokens_->Holds(DigestOf(BearerToken(authorization)));
    };
  }
  ELDR_ASSIGN_OR_RETURN(http_, HttpServer::Start(http_address, std::move(sources),
                                                 config_.http.tls ? &config_.tls : nullptr));
  ready_.store(true);
  log_.Info("started", {{"version", kVersion},
                        {"grpc", absl::StrJoin(grpc_->addresses(), ",",
                                               [](std::string* out, const ListenAddress& address) {
                                                 out->append(address.ToString());
                                               })},
                        {"http", http_->address().ToString()},
                        {"tls", config_.tls.enabled()},
                        {"auth", authorizer_->enabled()},
                        {"models", config_.models.size()},
                        {"concurrent_placements", placements_.width()},
                        {"seed", config_.router.seed}});
  return absl::OkStatus();
}

void Daemon::RestoreState() {
  context_->state = state_.get();
  state_->Restore(*router_, [this](const ModelRecord& record) {
    ModelSpec spec = {record.name, record.geometry, config_.default_policy};
    spec.settings.policy = record.policy;
    absl::Status declared = DeclareModel(*context_, spec).status();
    if (declared.ok()) return declared;
    spec.settings = config_.default_policy;  // its own policy can not be had any more
    return DeclareModel(*context_, spec).status();
  });
  state_->Start();
}

Daemon::~Daemon() {
  Stop();
  if (state_ != nullptr) state_->Close();  // also of a daemon that did not start
}

void Daemon::Stop() {
  if (std::exchange(stopped_, true) || grpc_ == nullptr) return;
  ready_.store(false);
  grpc_->SetNotReady();
  log_.Info("stopping", {{"shutdown_delay", absl::FormatDuration(config_.shutdown_delay)},
                         {"drain_timeout", absl::FormatDuration(config_.drain_timeout)}});
  std::this_thread::sleep_for(absl::ToChronoNanoseconds(config_.shutdown_delay));

  gate_.Close();
  const bool drained = gate_.WaitUntilIdle(config_.drain_timeout);
  grpc_->Stop(kFlushGrace);
  if (!drained) gate_.WaitUntilIdle(kLeaveGrace);
  if (http_ != nullptr) http_->Stop();
  reloader_.reset();
  recorder_.reset();
  background_.reset();
  ticker_.reset();
  if (state_ != nullptr) state_->Close();
  if (drained) {
    log_.Info("stopped");
  } else {
    log_.Warning("stopped", {{"cancelled", "calls that outlasted drain_timeout"}});
  }
}

void Daemon::ReloadCredentials() {
  authorizer_->Reload(log_);
  if (tls_expiry_ != nullptr) LogReload(tls_expiry_->Reload(), config_.tls.certificate, log_);
  if (http_tokens_ == nullptr) return;
  LogReload(http_tokens_->Reload(), http_tokens_->path(), log_);
}

std::string Daemon::MetricsText() {
  metrics_.SetCallsInFlight(gate_.in_flight());
  std::vector<prometheus::MetricFamily> families = registry_.Collect();
  for (auto more : {collector_->Collect(), process_.Collect()}) {
    std::move(more.begin(), more.end(), std::back_inserter(families));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace eldr

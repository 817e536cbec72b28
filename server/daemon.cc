#include "server/daemon.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "server/auth/reflection_guard.h"
#include "server/auth/tls_credentials.h"
#include "server/base/control_group.h"
#include "server/base/file_limit.h"
#include "server/base/processors.h"
#include "server/changed_keys.h"
#include "server/memory_bounds.h"
#include "server/metrics/single_metric.h"
#include "server/metrics_page.h"
#include "server/page/api_pages.h"
#include "server/page/ui_pages.h"
#include "server/pages.h"
#include "server/self_call.h"
#include "server/version.h"

namespace eldr {
namespace {

// How exact leases, stored signatures and silent nodes of idle models are timed.
constexpr absl::Duration kStepInterval = absl::Milliseconds(100);
// A stored state holds at most as many as limits.models has ever allowed, and all are restored.
constexpr std::size_t kMostStoredModels = 1024;
// For what is left on the wire once every call is answered.
constexpr absl::Duration kFlushGrace = absl::Milliseconds(200);
// For threads that have answered a call and are about to leave InFlightCalls.
constexpr absl::Duration kLeaveGrace = absl::Seconds(10);
// How exact the points of the history are timed.
constexpr absl::Duration kHistoryStep = absl::Seconds(1);
// How often the daemon calls itself, and how long it waits for its own answer.
constexpr absl::Duration kSelfCallInterval = absl::Seconds(1);
constexpr absl::Duration kSelfCallTimeout = absl::Seconds(2);

std::size_t WidthOf(const CallLimitsConfig& limits) {
  if (limits.concurrent_placements > 0) return limits.concurrent_placements;
  return AdmissionQueueWidth(UsableProcessors());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(const Config& config, const Clock& clock,
                                                      Log& log) {
  std::unique_ptr<Daemon> daemon(new Daemon(config, clock, nullptr, &log));
  ELDR_RETURN_IF_ERROR(daemon->Build());
  return daemon;
}

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(const Config& config, const Clock& clock,
                                                      std::shared_ptr<LogOutput> output) {
  auto log = std::make_unique<Log>(config.log, clock, std::move(output));
  Log* const its_log = log.get();
  std::unique_ptr<Daemon> daemon(new Daemon(config, clock, std::move(log), its_log));
  ELDR_RETURN_IF_ERROR(daemon->Build());
  return daemon;
}

Daemon::Daemon(const Config& config, const Clock& clock, std::unique_ptr<Log> own_log, Log* log)
    : config_(config),
      clock_(clock),
      start_time_(clock.Wall()),
      own_log_(std::move(own_log)),
      log_(*log),
      metrics_(registry_, config_.router.max_models + kMostStoredModels),
      events_(metrics_, log_),
      limits_(config_.limits),
      placements_(WidthOf(config_.limits), config_.limits.queue_wait, clock_),
      audit_(log_, clock_),
      log_collector_(log_) {}

absl::Status Daemon::OpenCredentials() {
  ELDR_ASSIGN_OR_RETURN(authorizer_, Authorizer::Create(config_.auth));
  std::vector<TokenFile*> tokens = authorizer_->files();
  if (!config_.http.token_file.empty()) {
    ELDR_ASSIGN_OR_RETURN(http_tokens_,
                          TokenFile::Open("http.token_file", config_.http.token_file));
    tokens.push_back(http_tokens_.get());
  }
  if (config_.tls.enabled()) {
    ELDR_ASSIGN_OR_RETURN(tls_files_, TlsFiles::Open(config_.tls, clock_, registry_));
  }
  credentials_ = std::make_unique<CredentialReload>(std::move(tokens), tls_files_.get(), log_);
  return absl::OkStatus();
}

absl::Status Daemon::Build() {
  ELDR_RETURN_IF_ERROR(OpenCredentials());
  observers_.Add(events_);
  if (!config_.state.directory.empty()) {
    ELDR_ASSIGN_OR_RETURN(state_, StateStore::Open(config_.state, clock_, log_, registry_));
    observers_.Add(*state_);
  }
  ELDR_ASSIGN_OR_RETURN(router_, Router::Create(config_.router, clock_, observers_));
  feed_ = std::make_unique<PlacementFeed>(*router_);
  context_ =
      std::make_unique<ServiceContext>(ServiceContext{.router = *router_,
                                                      .calls = calls_,
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
  if (config_.http.page) {
    history_ = std::make_unique<History>(*router_, metrics_, clock_);
    context_->history = history_.get();
  }
  collector_ = std::make_unique<FleetCollector>(*router_, capture_.get(), event_log_.get());
  for (const ModelSpec& model : config_.models) {
    ELDR_RETURN_IF_ERROR(DeclareModel(*context_, model).status());
  }
  if (state_ != nullptr) RestoreState();
  if (config_.discovery.enabled()) {
    ELDR_ASSIGN_OR_RETURN(
        discovery_,
        Discovery::Create(config_.discovery,
                          {.router = *router_,
                           .event_log = event_log_.get(),
                           .clock = clock_,
                           .log = log_,
                           .registry = registry_,
                           .seed = static_cast<std::uint64_t>(absl::ToUnixNanos(start_time_))}));
    discovery_->Start();
  }
  placement_service_ = std::make_unique<PlacementService>(*context_);
  fleet_service_ = std::make_unique<FleetService>(*context_);
  model_service_ = std::make_unique<ModelService>(*context_);
  history_service_ = std::make_unique<HistoryService>(*context_);
  StartTickers();
  return OpenPorts();
}

void Daemon::StartTickers() {
  ticker_ = std::make_unique<Ticker>(kStepInterval, [this] { router_->Step(); });
  // Apart from the ticker and from each other, so that a long fit delays no expiry, nor what is
  // short.
  for (const WorkLength length : {WorkLength::kShort, WorkLength::kLong}) {
    background_.push_back(std::make_unique<Ticker>(kStepInterval, [this, length] {
      for (BackgroundJob& job : router_->TakeBackgroundJobs(length)) {
        job.Run();
        job.Publish();
      }
    }));
  }
  // Apart from both, so that a slow disk delays neither.
  if (capture_ != nullptr || event_log_ != nullptr) {
    recorder_ = std::make_unique<Ticker>(kStepInterval, [this] {
      if (capture_ != nullptr) capture_->Flush();
      if (event_log_ != nullptr) event_log_->Flush();
    });
  }
  if (history_ != nullptr) {
    history_->Step();
    historian_ = std::make_unique<Ticker>(kHistoryStep, [this] { history_->Step(); });
  }
  reloader_ = std::make_unique<Ticker>(config_.credential_reload_interval,
                                       [this] { credentials_->OnTimer(); });
}

absl::Status Daemon::OpenGrpcPort() {
  std::shared_ptr<grpc::ServerCredentials> credentials;
  if (tls_files_ != nullptr) credentials = MakeServerCredentials(config_.tls, *tls_files_);
  std::unique_ptr<ReflectionGuard> guard;
  if (authorizer_->enabled()) guard = std::make_unique<ReflectionGuard>(*authorizer_, audit_);
  const std::vector<NamedService> services = {
      {v1::PlacementService::service_full_name(), placement_service_.get()},
      {v1::FleetService::service_full_name(), fleet_service_.get()},
      {v1::ModelService::service_full_name(), model_service_.get()},
      {v1::HistoryService::service_full_name(), history_service_.get()},
  };
  ELDR_ASSIGN_OR_RETURN(grpc_, GrpcServer::Start(config_.grpc, services, std::move(credentials),
                                                 std::move(guard), log_));
  std::vector<Readiness::Address> addresses;
  GrpcListeners& listeners = grpc_->listeners();
  for (const GrpcListeners::Endpoint& endpoint : listeners.endpoints()) {
    const ListenAddress address = endpoint.address;
    addresses.push_back(
        {.name = address.ToString(),
         .call = [address, &listeners] { return CallSelf(address, listeners, kSelfCallTimeout); },
         .reopen = [i = endpoint.index, &listeners] { listeners.Reopen(i); }});
  }
  readiness_ = std::make_unique<Readiness>(std::move(addresses), log_);
  return absl::OkStatus();
}

std::vector<HttpPage> Daemon::PeoplesPages() {
  if (!config_.http.page) return {};
  std::vector<HttpPage> pages = MakeUiPages(std::make_shared<const UiPages>(UiFiles()));
  pages.push_back(MakeApiPage(
      std::make_shared<ApiContext>(ApiContext{.service = *context_,
                                              .config = config_,
                                              .history = *history_,
                                              .start_time = start_time_,
                                              .not_ready = [this] { return NotReady(); },
                                              .metrics = [this] { return registry_.Collect(); },
                                              .shared = SharedAnswers(clock_)})));
  return pages;
}

absl::Status Daemon::OpenHttpPort() {
  ListenAddress address;
  ELDR_ASSIGN_OR_RETURN(address, ParseListenAddress(config_.http.listen));
  HttpServer::Options options{.pages = MakePages({.metrics =
                                                      [this](const HttpRequest& request) {
                                                        return MetricsPage(request,
                                                                           CollectMetrics());
                                                      },
                                                  .config = [this] { return ConfigText(); },
                                                  .not_ready = [this] { return NotReady(); },
                                                  .sinks = [this] { return CheckSinks(); },
                                                  .page = PeoplesPages()}),
                              .max_connections = HttpConnectionLimit()};
  if (http_tokens_ != nullptr) {
    options.may_read = [this](absl::string_view authorization) {
      return http_tokens_->Holds(DigestOf(BearerToken(authorization)));
    };
  }
  if (config_.http.tls) options.tls = [this] { return tls_files_->current()->context; };
  ELDR_ASSIGN_OR_RETURN(http_, HttpServer::Start(address, std::move(options), clock_));
  return absl::OkStatus();
}

absl::Status Daemon::OpenPorts() {
  ELDR_RETURN_IF_ERROR(OpenGrpcPort());
  ELDR_RETURN_IF_ERROR(OpenHttpPort());
  CheckReadiness();
  self_caller_ = std::make_unique<Ticker>(kSelfCallInterval, [this] { CheckReadiness(); });
  if (const std::optional<std::uint64_t> limit = MemoryLimit()) {
    const std::string warning = MemoryWarning(config_, *limit);
    if (!warning.empty()) log_.Warning("memory_limit_low", {{"message", warning}});
  }
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
    absl::Status declared = RedeclareModel(*context_, spec);
    if (declared.ok()) return declared;
    spec.settings = config_.default_policy;  // its own policy can not be had any more
    return RedeclareModel(*context_, spec);
  });
  state_->Start();
}

Daemon::~Daemon() {
  Stop();
  if (state_ != nullptr) state_->Close();  // also of a daemon that did not start
}

void Daemon::Stop() {
  if (std::exchange(stopped_, true) || http_ == nullptr) return;  // or it never served
  {
    MutexLock lock(health_mutex_);
    grpc_->SetReady(false);
    stopping_.store(true);
  }
  self_caller_.reset();
  log_.Info("stopping", {{"shutdown_delay", absl::FormatDuration(config_.shutdown_delay)},
                         {"drain_timeout", absl::FormatDuration(config_.drain_timeout)}});
  std::this_thread::sleep_for(absl::ToChronoNanoseconds(config_.shutdown_delay));

  calls_.Close();
  const bool drained = calls_.WaitUntilIdle(config_.drain_timeout);
  grpc_->Stop(kFlushGrace);
  if (!drained) calls_.WaitUntilIdle(kLeaveGrace);
  http_->Stop();
  discovery_.reset();
  reloader_.reset();
  recorder_.reset();
  historian_.reset();
  background_.clear();
  ticker_.reset();
  if (state_ != nullptr) state_->Close();
  if (drained) {
    log_.Info("stopped");
  } else {
    log_.Warning("stopped", {{"cancelled", "calls that outlasted drain_timeout"}});
  }
}

void Daemon::CheckReadiness() {
  readiness_->Step();
  self_calls_.fetch_add(1);
  MutexLock lock(health_mutex_);
  grpc_->SetReady(NotReady().empty());
}

std::string Daemon::NotReady() const {
  if (stopping_.load()) return "shutting down";
  return readiness_->ready() ? "" : absl::StrCat("not ready: ", readiness_->reason());
}

std::vector<SinkCheck> Daemon::CheckSinks() const {
  std::vector<SinkCheck> sinks;
  if (state_ != nullptr) {
    sinks.push_back({"state", state_->kept() ? "" : "changes do not reach the state file"});
  }
  const auto add = [&sinks](const char* name, const RecordFiles::Counts& counts) {
    sinks.push_back({name, counts.dropped == 0
                               ? ""
                               : absl::StrCat(counts.dropped, " records dropped since the start, ",
                                              counts.written, " written")});
  };
  if (event_log_ != nullptr) add("event_log", event_log_->counts());
  if (capture_ != nullptr) add("capture", capture_->counts());
  return sinks;
}

void Daemon::Reload(const absl::StatusOr<Config>& config) {
  const CredentialReload::Summary credentials = credentials_->OnRequest();
  std::vector<std::string> restart_needed;
  const LogLevel before = log_.level();
  LogLevel level = before;
  if (config.ok()) {
    level = LogLevelOf(config->log.level);
    restart_needed = ChangedKeys(config_, *config);
    std::erase(restart_needed, "log.level");
  } else {
    log_.Error("config_not_reloaded", {{"message", config.status().message()}});
  }
  log_.set_level(std::min(before, level));  // so that the line is not left out by its own news
  log_.Info("reloaded", {{"log_level", Name(level)},
                         {"credential_files", credentials.files},
                         {"changed", credentials.changed},
                         {"bad", credentials.bad},
                         {"restart_needed", absl::StrJoin(restart_needed, ",")}});
  log_.set_level(level);
}

std::string Daemon::ConfigText() const {
  Config config = config_;
  config.log.level = std::string(Name(log_.level()));  // the one key that a reload takes over
  return PrintConfig(config);
}

std::vector<prometheus::MetricFamily> Daemon::CollectMetrics() {
  metrics_.SetCallsInFlight(calls_.in_flight());
  std::vector<prometheus::MetricFamily> families = registry_.Collect();
  for (auto more : {collector_->Collect(), process_.Collect(), log_collector_.Collect()}) {
    std::move(more.begin(), more.end(), std::back_inserter(families));
  }
  families.push_back(SingleGauge("eldr_node_timeout_seconds",
                                 "Silence after which a node that sends heartbeats is lost.",
                                 absl::ToDoubleSeconds(config_.router.node_timeout)));
  families.push_back(SingleGauge("eldr_ready", "1 while calls are taken, as /readyz has it.",
                                 NotReady().empty() ? 1 : 0));
  families.push_back(SingleCounter(
      "eldr_connections_refused_total",
      "Connections to the gRPC port that were closed at once, for want of free files.",
      static_cast<double>(grpc_->listeners().refused())));
  families.push_back(SingleCounter(
      "eldr_connections_flooded_total",
      "Connections to the gRPC port that were ended, as they sent on and on what nobody asked for.",
      static_cast<double>(grpc_->listeners().floods())));
  return families;
}

}  // namespace eldr

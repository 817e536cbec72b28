#include "client/agent/agent.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace eldr::agent {
namespace {

// An engine that claims to restart all the time costs the daemon a registration in so long.
constexpr absl::Duration kLeastLife = absl::Seconds(10);

}  // namespace

Agent::Agent(Options options, client::Client& client, EngineWatch& watch, Log& log,
             const Clock& clock)
    : options_(std::move(options)), client_(client), watch_(watch), log_(log), clock_(clock) {}

// Without a word to the daemon: whoever wants the node to go calls Leave().
Agent::~Agent() {
  absl::MutexLock lock(&mutex_);
  if (reporter_ != nullptr) reporter_->Stop();
}

absl::Duration Agent::Step() {
  watch_.Look();
  const EngineWatch::Figures figures = watch_.figures();
  TellEngine(figures);
  const bool well = figures.state == EngineState::kServing || figures.state == EngineState::kAsleep;
  bool reports = false;
  {
    absl::MutexLock lock(&mutex_);
    reports = reporter_ != nullptr;
    if (left_) return options_.interval;
  }
  if (!reports && well) {
    restarts_ = figures.restarts;
    Begin();
  } else if (figures.restarts != restarts_ && well && clock_.Monotonic() - began_ >= kLeastLife) {
    restarts_ = figures.restarts;
    Restart();
  }
  Pause(figures.state);
  return options_.interval;
}

void Agent::TellEngine(const EngineWatch::Figures& figures) {
  const bool same = figures.state == state_ && figures.error.code() == error_;
  state_ = figures.state;
  error_ = figures.error.code();
  if (same) return;
  if (figures.error.ok()) {
    log_.Info("engine", {{"state", Name(state_)}});
  } else {
    log_.Warning("engine", {{"state", Name(state_)}, {"error", figures.error.ToString()}});
  }
}

void Agent::Begin() {
  v1::NodeSpec spec = options_.spec;
  spec.set_incarnation(static_cast<std::uint64_t>(absl::ToUnixMillis(clock_.Wall())));
  client::NodeReporterOptions options;
  options.stream = options_.stream;
  options.on_change = [this](const client::NodeStatus& status) { OnChange(status); };
  told_draining_ = false;
  auto reporter = client::NodeReporter::Create(
      client_, std::move(spec), [this] { return Load(); }, options);
  if (!reporter.ok()) {
    log_.Error("node", {{"error", reporter.status().ToString()}});
    return;
  }
  began_ = clock_.Monotonic();
  absl::MutexLock lock(&mutex_);
  reporter_ = *std::move(reporter);
  paused_ = false;
  if (drain_) reporter_->Drain();
  reporter_->Start();
}

void Agent::Restart() {
  log_.Info("engine_restarted", {{"node", options_.spec.node_id()}});
  std::unique_ptr<client::NodeReporter> former;
  {
    absl::MutexLock lock(&mutex_);
    former = std::move(reporter_);
  }
  // Its thread asks for the load, so it ends without the lock.
  former->Stop();
  Begin();
}

void Agent::Pause(EngineState state) {
  absl::MutexLock lock(&mutex_);
  const bool pause = state == EngineState::kAsleep || state == EngineState::kFailing;
  if (reporter_ == nullptr || pause == paused_) return;
  paused_ = pause;
  if (drain_) return;
  if (pause) {
    reporter_->Drain();
  } else {
    reporter_->Undrain();
  }
}

absl::StatusOr<client::NodeLoad> Agent::Load() {
  absl::StatusOr<client::NodeLoad> load = watch_.TakeLoad();
  // Where a node may not drain itself, silence keeps placements away from an engine that sleeps.
  if (load.ok() && watch_.figures().state == EngineState::kAsleep && !told_draining_) {
    return absl::UnavailableError("the engine sleeps");
  }
  return load;
}

void Agent::OnChange(const client::NodeStatus& status) {
  told_draining_ = status.draining;
  const std::string& node = options_.spec.node_id();
  if (status.superseded) {
    log_.Error("superseded", {{"node", node}, {"error", status.error.ToString()}});
  } else if (!status.error.ok()) {
    log_.Warning("daemon", {{"node", node}, {"error", status.error.ToString()}});
  } else {
    log_.Info("node", {{"node", node},
                       {"registered", status.registered},
                       {"state", v1::NodeState_Name(status.state)},
                       {"draining", status.draining},
                       {"reported", status.load_error.ok()}});
  }
}

void Agent::Drain() {
  absl::MutexLock lock(&mutex_);
  if (drain_) return;
  drain_ = true;
  if (reporter_ != nullptr) reporter_->Drain();
}

bool Agent::Drained() const {
  const client::NodeStatus status = this->status();
  absl::MutexLock lock(&mutex_);
  if (!drain_) return false;
  if (!status.registered || status.superseded) return true;
  // What is not known to run cannot be waited for.
  if (!status.load_error.ok()) return true;
  return status.empty && status.leases == 0;
}

void Agent::Leave() {
  std::unique_ptr<client::NodeReporter> reporter;
  {
    absl::MutexLock lock(&mutex_);
    left_ = true;
    reporter = std::move(reporter_);
  }
  if (reporter == nullptr) return;
  const absl::Status status = reporter->Leave();
  if (status.ok()) {
    log_.Info("left", {{"node", options_.spec.node_id()}});
  } else {
    log_.Warning("not_left", {{"node", options_.spec.node_id()}, {"error", status.ToString()}});
  }
}

client::NodeStatus Agent::status() const {
  absl::MutexLock lock(&mutex_);
  return reporter_ == nullptr ? client::NodeStatus() : reporter_->status();
}

std::string Agent::NotReady() const {
  const client::NodeStatus status = this->status();
  const EngineWatch::Figures figures = watch_.figures();
  if (status.superseded) return "a newer process has the node's id";
  if (figures.state != EngineState::kServing) {
    return absl::StrCat("the engine is ", Name(figures.state), figures.error.ok() ? "" : ": ",
                        figures.error.message());
  }
  if (!status.registered) {
    return absl::StrCat("not registered", status.error.ok() ? "" : ": ", status.error.message());
  }
  if (status.draining) return "draining";
  return "";
}

}  // namespace eldr::agent

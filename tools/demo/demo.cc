#include "tools/demo/demo.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "core/base/clock.h"
#include "core/base/status_macros.h"
#include "eldr/client/client.h"
#include "tools/demo/next_steps.h"
#include "tools/demo/policy_table.h"
#include "tools/process/daemon_process.h"
#include "tools/process/interrupt.h"
#include "tools/process/status_line.h"
#include "tools/replay/grpc_backend.h"
#include "tools/replay/replay.h"

namespace eldr::demo {
namespace {

constexpr absl::Duration kReadyDeadline = absl::Seconds(30);
// As often as the nodes promise when they register.
constexpr absl::Duration kHeartbeatInterval = absl::Seconds(1);
// Of the traffic that goes on for those who look: also how often simulated time waits for real
// time.
constexpr absl::Duration kLiveInterval = absl::Milliseconds(200);
constexpr absl::Duration kLiveDuration = absl::Hours(24);

std::string DaemonConfig(const DemoOptions& options, const ModelGeometry& geometry) {
  std::string config = absl::StrCat(
      "grpc: {listen: [\"127.0.0.1:0\"]}\n"
      "http: {listen: \"127.0.0.1:0\"}\n"
      "shutdown_delay: 0s\n"
      "drain_timeout: 2s\n"
      "seed: ",
      options.seed, "\nmodels:\n");
  for (const std::string& policy : options.policies) {
    absl::StrAppend(&config, "  - {name: \"", options.model, ".", policy,
                    "\", layers: ", geometry.layers, ", experts: ", geometry.experts,
                    ", top_k: ", geometry.top_k, ", policy: \"", policy, "\"}\n");
  }
  if (options.keep) {
    absl::StrAppend(&config, "  - {name: \"", options.model, ".live\", layers: ", geometry.layers,
                    ", experts: ", geometry.experts, ", top_k: ", geometry.top_k,
                    ", policy: residency, shadow_policy: least_loaded}\n");
  }
  return config;
}

class Demo {
 public:
  Demo(const DemoOptions& options, const replay::Trace& trace, DaemonProcess& daemon,
       client::Client& client)
      : options_(options), trace_(trace), daemon_(daemon), client_(client), status_(stderr) {}

  absl::Status Run() {
    ELDR_RETURN_IF_ERROR(AwaitReady());
    std::fprintf(stderr, "the live page: http://%s/\n", daemon_.http_address().c_str());
    for (const std::string& policy : options_.policies) ELDR_RETURN_IF_ERROR(Replay(policy));
    PrintResults();
    if (options_.keep) ELDR_RETURN_IF_ERROR(Keep());
    return absl::OkStatus();
  }

 private:
  absl::Status AwaitReady() {
    const MonotonicTime deadline = RealClock().Monotonic() + kReadyDeadline;
    while (true) {
      const absl::StatusOr<client::Health> health = client_.CheckHealth("readiness");
      if (health.ok() && *health == client::Health::kServing) return absl::OkStatus();
      if (Interrupted()) return absl::CancelledError("interrupted");
      ELDR_RETURN_IF_ERROR(daemon_.CheckRunning());
      if (RealClock().Monotonic() > deadline) {
        return absl::DeadlineExceededError(
            absl::StrCat("eldrd is not ready after ", absl::FormatDuration(kReadyDeadline), ": ",
                         health.ok() ? "it says so itself" : health.status().message()));
      }
      absl::SleepFor(absl::Milliseconds(20));
    }
  }

  // What is replayed, but for how long. A node id is unique over all models of a daemon.
  replay::ReplayOptions ReplayOf(const std::string& policy) const {
    replay::ReplayOptions replay;
    replay.nodes = options_.nodes;
    replay.node_prefix = absl::StrCat(policy, "-");
    replay.warmup = options_.warmup;
    replay.duration = options_.duration;
    replay.heartbeat_interval = kHeartbeatInterval;
    return replay;
  }

  absl::StatusOr<std::unique_ptr<replay::PoissonWorkload>> Workload() const {
    replay::PoissonWorkload::Options workload;
    workload.requests_per_second = options_.rate_per_node * options_.nodes;
    workload.output = options_.output;
    workload.seed = options_.seed;
    return replay::PoissonWorkload::Create(workload, trace_);
  }

  absl::Status Replay(const std::string& policy) {
    ELDR_ASSIGN_OR_RETURN(const auto arrivals, Workload());
    const replay::ReplayOptions replay = ReplayOf(policy);
    backends_.push_back(
        std::make_unique<replay::GrpcBackend>(client_, absl::StrCat(options_.model, ".", policy)));
    replay::GrpcBackend& backend = *backends_.back();
    const MonotonicTime start = RealClock().Monotonic();
    const auto result = replay::Replay(trace_, replay, *arrivals, backend,
                                       [&](const replay::ReplayProgress& progress) {
                                         ShowProgress(policy, progress);
                                         return Attend();
                                       });
    if (!result.ok()) {
      status_.Clear();
      ELDR_RETURN_IF_ERROR(daemon_.CheckRunning());
      return result.status();
    }
    status_.Finish(absl::StrFormat("%-14s %d requests placed in %d calls, %.1f s", policy,
                                   backend.placements(), backend.calls(),
                                   absl::ToDoubleSeconds(RealClock().Monotonic() - start)));
    rows_.push_back({backend.policy(), *result});
    return absl::OkStatus();
  }

  void ShowProgress(const std::string& policy, const replay::ReplayProgress& progress) {
    // The tail after `duration`, until the last measured request ends, is short.
    const double share = std::min(1.0, absl::FDivDuration(progress.now, options_.duration));
    const auto filled = static_cast<std::size_t>(20 * share);
    status_.Update(absl::StrFormat("%-14s [%s%s] %3.0f%%  %.0f simulated seconds, %d requests",
                                   policy, std::string(filled, '#'), std::string(20 - filled, '.'),
                                   100 * share, absl::ToDoubleSeconds(progress.now),
                                   progress.arrivals));
  }

  // What must go on whatever else does: interrupts are seen, and the nodes of the replays that are
  // over stay alive, so that all can be looked at in the end.
  absl::Status Attend() {
    if (Interrupted()) return absl::CancelledError("interrupted");
    const MonotonicTime now = RealClock().Monotonic();
    if (now - last_attended_ < kHeartbeatInterval) return absl::OkStatus();
    last_attended_ = now;
    // The last backend is the one that replays; it sends its own.
    for (std::size_t i = 0; i + 1 < backends_.size(); ++i) {
      ELDR_RETURN_IF_ERROR(backends_[i]->RepeatHeartbeats());
    }
    return absl::OkStatus();
  }

  void PrintResults() {
    const replay::ReplayResult& first = rows_.front().result;
    std::printf(
        "\n%s, %s. Each policy placed the same %d measured requests\non %d nodes, %g requests per "
        "second and node, seed %d. The trace has %d distinct requests;\n%.2f live ones to a "
        "distinct "
        "one (copies flatter residency a little).\n\n%s\n",
        options_.model.c_str(), DescribeGeometry(trace_.geometry).c_str(),
        static_cast<int>(first.time_per_output_token.count), static_cast<int>(options_.nodes),
        options_.rate_per_node, static_cast<int>(options_.seed),
        static_cast<int>(trace_.requests.size()), first.mean_live_copies,
        FormatPolicyTable(rows_).c_str());
    NextSteps steps;
    steps.eldrctl = options_.eldrctl;
    steps.grpc_address = daemon_.grpc_address();
    steps.http_address = daemon_.http_address();
    steps.alive = options_.keep;
    std::printf("%s", FormatNextSteps(steps, *backends_.front()).c_str());
    std::fflush(stdout);
  }

  // Traffic goes on, in real time, so that whoever looks sees it move.
  absl::Status Keep() {
    ELDR_ASSIGN_OR_RETURN(const auto arrivals, Workload());
    replay::ReplayOptions replay = ReplayOf("live");
    replay.duration = kLiveDuration;
    replay.heartbeat_interval = kLiveInterval;
    backends_.push_back(
        std::make_unique<replay::GrpcBackend>(client_, absl::StrCat(options_.model, ".live")));
    const MonotonicTime start = RealClock().Monotonic();
    absl::Status ended = replay::Replay(trace_, replay, *arrivals, *backends_.back(),
                                        [&](const replay::ReplayProgress& progress) {
                                          return AttendUntil(start + progress.now);
                                        })
                             .status();
    if (Interrupted()) return absl::OkStatus();
    ELDR_RETURN_IF_ERROR(daemon_.CheckRunning());
    return ended;
  }

  absl::Status AttendUntil(MonotonicTime time) {
    while (true) {
      ELDR_RETURN_IF_ERROR(Attend());
      const absl::Duration left = time - RealClock().Monotonic();
      if (left <= absl::ZeroDuration()) return absl::OkStatus();
      absl::SleepFor(std::min(left, absl::Milliseconds(50)));
    }
  }

  const DemoOptions& options_;
  const replay::Trace& trace_;
  DaemonProcess& daemon_;
  client::Client& client_;
  StatusLine status_;
  MonotonicTime last_attended_ = RealClock().Monotonic();
  std::vector<std::unique_ptr<replay::GrpcBackend>> backends_;
  std::vector<PolicyRow> rows_;
};

}  // namespace

absl::Status RunDemo(const DemoOptions& options) {
  replay::TraceOptions trace_options;
  trace_options.signature_tokens = options.signature_tokens;
  ELDR_ASSIGN_OR_RETURN(const replay::Trace trace, replay::LoadTrace(options.trace, trace_options));
  std::fprintf(stderr, "%d requests of %s; starting eldrd\n",
               static_cast<int>(trace.requests.size()), options.trace.c_str());
  ELDR_ASSIGN_OR_RETURN(const std::unique_ptr<DaemonProcess> daemon,
                        DaemonProcess::Start(options.eldrd, DaemonConfig(options, trace.geometry)));
  client::Options client_options;
  client_options.target = daemon->grpc_address();
  client_options.timeout = absl::Seconds(10);
  client_options.retry.max_attempts = 1;
  absl::Status status;
  {
    ELDR_ASSIGN_OR_RETURN(const auto client, client::Client::Create(client_options));
    status = Demo(options, trace, *daemon, *client).Run();
  }
  const absl::Status stopped = daemon->Stop();
  return status.ok() ? stopped : status;
}

}  // namespace eldr::demo

#include "bench/soak/soak.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/soak/memory_trend.h"
#include "bench/wire/processors.h"
#include "bench/wire/temporary_folder.h"
#include "core/base/status_macros.h"
#include "eldr/client/client.h"
#include "tools/loadgen/load_run.h"
#include "tools/loadgen/process_usage.h"
#include "tools/loadgen/report.h"
#include "tools/process/daemon_process.h"
#include "tools/process/interrupt.h"
#include "tools/process/status_line.h"

namespace eldr {
namespace {

using loadgen::LoadOptions;
using loadgen::LoadResult;
using loadgen::TrafficProgress;

constexpr char kModel[] = "soak";
constexpr std::uint32_t kCallers = 16;
constexpr absl::Duration kSearch = absl::Seconds(4);
constexpr absl::Duration kMostWarmUp = absl::Seconds(60);
constexpr absl::Duration kSampleInterval = absl::Milliseconds(250);
// Of what the daemon serves without overload, it serves at least this under twice as much.
constexpr double kServedShare = 0.8;
// A refusal that takes longer helps nobody who could go elsewhere.
constexpr absl::Duration kFastRefusal = absl::Milliseconds(250);
constexpr absl::Duration kOverloadTimeout = absl::Seconds(1);

double MiB(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

class Soak {
 public:
  explicit Soak(const SoakOptions& options) : options_(options), status_(stderr) {}

  absl::StatusOr<SoakReport> Run() {
    ELDR_RETURN_IF_ERROR(Start());
    ELDR_ASSIGN_OR_RETURN(const double sustained, FindSustainedRate());
    if (options_.overload) {
      ELDR_RETURN_IF_ERROR(Overload(sustained));
    } else {
      ELDR_RETURN_IF_ERROR(HalfLoad(sustained));
    }
    ELDR_RETURN_IF_ERROR(CheckNothingLeft());
    Expect(daemon_->Stop().ok(), absl::StrCat("eldrd did not end cleanly: ", daemon_->LogTail()));
    return std::move(report_);
  }

 private:
  absl::Status Start() {
    ELDR_ASSIGN_OR_RETURN(auto folder, TemporaryFolder::Make());
    folder_.emplace(std::move(folder));
    std::optional<OnOneProcessor> last;
    // Under too much load each has a core of its own, or this process is the one that is too slow.
    if (options_.overload) last.emplace(OnOneProcessor::kLast);
    ELDR_ASSIGN_OR_RETURN(
        daemon_, demo::DaemonProcess::Start(
                     options_.eldrd,
                     absl::StrCat("grpc: {listen: [\"unix:", folder_->path(),
                                  "/eldrd\"]}\nhttp: {listen: \"127.0.0.1:0\"}\nstate_dir: \"",
                                  folder_->path(),
                                  "/state\"\nshutdown_delay: 0s\nlog: {level: warning}\n")));
    last.reset();
    if (options_.overload) first_.emplace(OnOneProcessor::kFirst);
    return absl::OkStatus();
  }

  LoadOptions BaseOptions() const {
    LoadOptions load;
    load.connection.target = daemon_->grpc_address();
    load.model = kModel;
    load.nodes = options_.nodes;
    load.live = 8 * options_.nodes;
    load.seed = options_.seed;
    load.server_pid = daemon_->pid();
    return load;
  }

  absl::StatusOr<LoadResult> Load(const LoadOptions& load, const char* what, MemoryTrend* memory) {
    MonotonicTime next_sample = -absl::InfiniteDuration();
    absl::StatusOr<LoadResult> result =
        loadgen::RunLoad(load, [&](const TrafficProgress& progress) {
          const auto usage = loadgen::UsageOf(daemon_->pid());
          if (memory != nullptr && usage.ok() && !progress.warming_up &&
              progress.elapsed >= next_sample) {
            memory->Add(usage->resident_bytes);
            next_sample = progress.elapsed + kSampleInterval;
          }
          status_.Update(
              absl::StrFormat("%s: %.0f of %.0f s, %d placed, %d calls failed, resident %.1f MiB",
                              what, absl::ToDoubleSeconds(progress.elapsed),
                              absl::ToDoubleSeconds(load.warmup + load.duration), progress.placed,
                              progress.failed, MiB(usage.ok() ? usage->resident_bytes : 0)));
          return !demo::Interrupted();
        });
    status_.Clear();
    if (result.ok() && result->interrupted) return absl::CancelledError("interrupted");
    return result;
  }

  absl::StatusOr<double> FindSustainedRate() {
    LoadOptions load = BaseOptions();
    load.concurrency = kCallers;
    load.warmup = absl::Seconds(1);
    load.duration = kSearch;
    ELDR_ASSIGN_OR_RETURN(const LoadResult result, Load(load, "sustainable load", nullptr));
    const double rate = static_cast<double>(result.traffic.place.succeeded().count()) /
                        absl::ToDoubleSeconds(result.traffic.measured);
    if (!(rate > 0)) {
      return absl::UnavailableError(
          absl::StrCat("nothing was placed: ", result.traffic.place.first_error()));
    }
    absl::StrAppendFormat(&report_.text, "sustained: %.0f placements/s with %d callers, %d nodes\n",
                          rate, kCallers, options_.nodes);
    return rate;
  }

  absl::Status HalfLoad(double sustained) {
    LoadOptions load = BaseOptions();
    load.rate = sustained / 2;
    // What a machine is too busy for is sent late, rather than pile up in the daemon's memory.
    load.max_outstanding = kCallers * 8;
    load.churn = options_.churn;
    load.warmup = std::min(options_.duration / 5, kMostWarmUp);
    load.duration = options_.duration - load.warmup;
    MemoryTrend memory;
    ELDR_ASSIGN_OR_RETURN(const LoadResult result, Load(load, "half of it", &memory));
    report_.text += loadgen::FormatTable(load, result);
    for (const loadgen::CallRecord* record : {&result.traffic.place, &result.traffic.release}) {
      Expect(record->failed().count() == 0,
             absl::StrCat(record->failed().count(), " calls failed: ", record->first_error()));
    }
    Expect(result.traffic.place.succeeded().count() > 0, "nothing was placed");
    Expect(result.fleet.failed_calls == 0,
           absl::StrCat(result.fleet.failed_calls,
                        " calls of nodes failed: ", result.fleet.first_error));
    Expect(result.fleet.departures > 0, "no node left");
    Expect(result.clean_up.ok(), absl::StrCat("left behind: ", result.clean_up.message()));
    Expect(result.leases_left == 0, absl::StrCat(result.leases_left, " leases are left"));
    CheckMemory(memory);
    return absl::OkStatus();
  }

  absl::Status Overload(double sustained) {
    LoadOptions load = BaseOptions();
    load.rate = 2 * sustained;
    load.live =
        options_.nodes;  // reached within the warm-up, so that leases do not look like a leak
    load.connection.timeout = kOverloadTimeout;
    load.max_outstanding = 100'000;
    load.warmup = options_.duration / 5;
    load.duration = options_.duration - load.warmup;
    MemoryTrend memory;
    ELDR_ASSIGN_OR_RETURN(const LoadResult result, Load(load, "twice of it", &memory));
    report_.text += loadgen::FormatTable(load, result);
    const loadgen::CallRecord& place = result.traffic.place;
    const double seconds = absl::ToDoubleSeconds(result.traffic.measured);
    const double served = static_cast<double>(place.succeeded().count()) / seconds;
    absl::StrAppendFormat(&report_.text,
                          "served %.0f/s, %.0f %% of what it sustains; refused %.0f/s, P50 after "
                          "%.1f ms, P99 after %.1f ms\n",
                          served, 100 * served / sustained,
                          static_cast<double>(place.failed().count()) / seconds,
                          absl::ToDoubleMilliseconds(place.failed().Percentile(50)),
                          absl::ToDoubleMilliseconds(place.failed().Percentile(99)));
    Expect(served >= kServedShare * sustained,
           absl::StrFormat("served %.0f/s, expected %.0f %% of %.0f/s", served, 100 * kServedShare,
                           sustained));
    Expect(place.failed().Percentile(50) <= kFastRefusal, "refusals are slow");
    Expect(result.fleet.failed_calls == 0,
           absl::StrCat(result.fleet.failed_calls,
                        " calls of nodes failed: ", result.fleet.first_error));
    CheckMemory(memory);
    return absl::OkStatus();
  }

  void CheckMemory(const MemoryTrend& memory) {
    if (memory.empty()) {
      Expect(false, "memory was never looked at");
      return;
    }
    absl::StrAppendFormat(&report_.text,
                          "resident: %.1f MiB after warm-up, %.1f at the end, at most %.1f\n",
                          MiB(memory.First()), MiB(memory.Last()), MiB(memory.Most()));
    Expect(memory.Flat(), absl::StrFormat("memory grew from %.1f to %.1f MiB", MiB(memory.First()),
                                          MiB(memory.Last())));
  }

  // Not even of nodes that left, and of requests that the load gave up.
  absl::Status CheckNothingLeft() {
    client::Options connection;
    connection.target = daemon_->grpc_address();
    std::unique_ptr<client::Client> client;
    ELDR_ASSIGN_OR_RETURN(client, client::Client::Create(connection));
    v1::DescribeModelRequest request;
    request.set_name(kModel);
    v1::DescribeModelResponse model;
    ELDR_ASSIGN_OR_RETURN(model, client->DescribeModel(request));
    Expect(model.leases() == 0, absl::StrCat(model.leases(), " leases are left"));
    Expect(model.nodes() == 0, absl::StrCat(model.nodes(), " nodes are left"));
    Expect(model.stored_signatures() == 0,
           absl::StrCat(model.stored_signatures(), " signatures are left"));
    return absl::OkStatus();
  }

  void Expect(bool holds, const std::string& failure) {
    if (!holds) report_.failures.push_back(failure);
  }

  const SoakOptions options_;
  demo::StatusLine status_;
  std::optional<TemporaryFolder> folder_;
  std::optional<OnOneProcessor> first_;
  std::unique_ptr<demo::DaemonProcess> daemon_;
  SoakReport report_;
};

}  // namespace

absl::StatusOr<SoakReport> RunSoak(const SoakOptions& options) { return Soak(options).Run(); }

}  // namespace eldr

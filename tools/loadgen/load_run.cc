#include "tools/loadgen/load_run.h"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "eldr/client/client.h"
#include "tools/loadgen/process_usage.h"

namespace eldr::loadgen {
namespace {

constexpr std::size_t kReleaseBatch = 1000;

// The model's geometry, once it is declared for sure.
absl::StatusOr<ModelGeometry> EnsureModel(const LoadOptions& options, client::Client& client) {
  v1::DescribeModelRequest described;
  described.set_name(options.model);
  const absl::StatusOr<v1::DescribeModelResponse> known = client.DescribeModel(described);
  if (known.ok()) {
    const v1::ModelGeometry& geometry = known->model().geometry();
    return ModelGeometry{geometry.layers(), geometry.experts(), geometry.top_k(), {}};
  }
  if (!absl::IsNotFound(known.status())) return known.status();
  ModelGeometry geometry = options.geometry;
  if (!options.trace.empty()) {
    ELDR_ASSIGN_OR_RETURN(geometry, TraceGeometry(options));
  }
  v1::DeclareModelRequest request;
  request.set_name(options.model);
  request.set_policy(options.policy);
  request.mutable_geometry()->set_layers(geometry.layers);
  request.mutable_geometry()->set_experts(geometry.experts);
  request.mutable_geometry()->set_top_k(geometry.top_k);
  ELDR_RETURN_IF_ERROR(client.DeclareModel(request).status());
  return geometry;
}

absl::Status ReleaseAll(const std::string& model, const std::vector<std::string>& ids,
                        client::Client& client) {
  for (std::size_t first = 0; first < ids.size(); first += kReleaseBatch) {
    v1::ReleaseLeasesRequest request;
    for (std::size_t i = first; i < std::min(first + kReleaseBatch, ids.size()); ++i) {
      v1::LeaseKey& lease = *request.add_releases()->mutable_lease();
      lease.set_model(model);
      lease.set_request_id(ids[i]);
    }
    ELDR_RETURN_IF_ERROR(client.ReleaseLeases(request).status());
  }
  return absl::OkStatus();
}

// Watches the daemon's process while the load is measured.
class ServerWatch {
 public:
  explicit ServerWatch(pid_t pid) : pid_(pid) {}

  void Look(const TrafficProgress& progress) {
    if (pid_ == 0 || progress.warming_up) return;
    const absl::StatusOr<ProcessUsage> now = UsageOf(pid_);
    if (!now.ok()) return;  // the daemon is being restarted
    if (!first_.has_value()) {
      first_ = *now;
      first_progress_ = progress;
    }
    last_ = *now;
    last_progress_ = progress;
    most_ = std::max(most_, now->resident_bytes);
  }

  std::optional<ServerUsage> Usage() const {
    if (!first_.has_value()) return std::nullopt;
    const absl::Duration cpu = last_.cpu - first_->cpu;
    const std::uint64_t calls = last_progress_.calls - first_progress_.calls;
    const absl::Duration time = last_progress_.elapsed - first_progress_.elapsed;
    return ServerUsage{.cpu_per_call = cpu / static_cast<double>(std::max<std::uint64_t>(calls, 1)),
                       .cores = time > absl::ZeroDuration() ? absl::FDivDuration(cpu, time) : 0,
                       .resident_start = first_->resident_bytes,
                       .resident_most = most_,
                       .resident_end = last_.resident_bytes};
  }

 private:
  const pid_t pid_;
  std::optional<ProcessUsage> first_;
  ProcessUsage last_;
  TrafficProgress first_progress_;
  TrafficProgress last_progress_;
  std::uint64_t most_ = 0;
};

}  // namespace

absl::StatusOr<LoadResult> RunLoad(LoadOptions options,
                                   absl::FunctionRef<bool(const TrafficProgress&)> on_progress) {
  if (options.server_pid != 0) ELDR_RETURN_IF_ERROR(UsageOf(options.server_pid).status());
  // Unlike those of other runs at the same time, and of former ones.
  const std::string run =
      absl::StrCat("load-", getpid(), "-", absl::ToUnixMillis(RealClock().Wall()) % 100'000'000);
  std::unique_ptr<client::Client> client;
  ELDR_ASSIGN_OR_RETURN(client, client::Client::Create(options.connection));
  ELDR_ASSIGN_OR_RETURN(options.geometry, EnsureModel(options, *client));
  ELDR_ASSIGN_OR_RETURN(const RequestSource source, RequestSource::Create(options, run));
  std::unique_ptr<OwnFleet> fleet;
  ELDR_ASSIGN_OR_RETURN(fleet, OwnFleet::Join(options, run, *client));
  std::unique_ptr<AsyncCalls> calls;
  ELDR_ASSIGN_OR_RETURN(calls, AsyncCalls::Create(options.connection, options.connections));

  LoadResult result;
  ServerWatch watch(options.server_pid);
  {
    Traffic traffic(options, source, *calls, RealClock());
    result.traffic = traffic.Run([&](const TrafficProgress& progress) {
      watch.Look(progress);
      result.interrupted = !on_progress(progress);
      return !result.interrupted;
    });
    result.clean_up = ReleaseAll(options.model, traffic.TakeHeld(), *client);
  }
  v1::DescribeModelRequest request;
  request.set_name(options.model);
  if (const auto model = client->DescribeModel(request); model.ok()) {
    result.leases_left = model->leases();
  } else {
    result.clean_up.Update(model.status());
  }
  result.server = watch.Usage();
  result.fleet = fleet->counts();
  result.clean_up.Update(fleet->Leave());
  return result;
}

}  // namespace eldr::loadgen

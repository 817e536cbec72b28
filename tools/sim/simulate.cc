#include "tools/sim/simulate.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "core/base/mutex.h"
#include "core/base/status_macros.h"
#include "core/profile/profile_file.h"
#include "tools/replay/trace.h"
#include "tools/sim/arrival_file.h"
#include "tools/sim/seed_setup.h"

namespace eldr::sim {
namespace {

// Adds up how far the cells are.
class Progress {
 public:
  Progress(std::size_t cells, OnSimProgress on_progress)
      : shares_(cells), on_progress_(on_progress) {}

  void Update(std::size_t cell, double share) {
    MutexLock lock(mutex_);
    done_ += share - std::exchange(shares_[cell], share);
    on_progress_(done_, shares_.size());
  }

 private:
  Mutex mutex_;
  std::vector<double> shares_ ABSL_GUARDED_BY(mutex_);
  double done_ ABSL_GUARDED_BY(mutex_) = 0;
  OnSimProgress on_progress_ ABSL_GUARDED_BY(mutex_);
};

// Calls work(0) to work(count - 1), each once, on some threads. The first error in that order, if
// any; after one no further work begins.
absl::Status InParallel(std::size_t count, std::size_t threads,
                        absl::FunctionRef<absl::Status(std::size_t)> work) {
  std::vector<absl::Status> statuses(count);
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  const auto run = [&] {
    while (!failed) {
      const std::size_t i = next++;
      if (i >= count) return;
      statuses[i] = work(i);
      if (!statuses[i].ok()) failed = true;
    }
  };
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < std::min(threads, count); ++i) others.emplace_back(run);
  run();
  for (std::thread& thread : others) thread.join();
  for (absl::Status& status : statuses) ELDR_RETURN_IF_ERROR(std::move(status));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SimResult> Simulate(const SimConfig& config, OnSimProgress on_progress) {
  ELDR_RETURN_IF_ERROR(CheckConfig(config));
  ELDR_ASSIGN_OR_RETURN(
      const replay::Trace trace,
      replay::LoadTrace(config.trace, {config.signature_tokens, config.experts, config.response}));
  std::vector<RecordedArrival> record;
  if (config.traffic.arrivals == ArrivalKind::kFile) {
    ELDR_ASSIGN_OR_RETURN(record, ReadArrivals(config.traffic.arrivals_file));
  }
  std::shared_ptr<const Profile> profile;
  if (!config.profile.empty()) {
    ELDR_ASSIGN_OR_RETURN(Profile read, ReadProfile(config.profile));
    profile = std::make_shared<const Profile>(std::move(read));
  }

  const std::size_t cells = config.policies.size() * config.seeds;
  Progress progress(cells, on_progress);
  std::vector<SeedSetup> setups(config.seeds);
  ELDR_RETURN_IF_ERROR(InParallel(setups.size(), config.threads, [&](std::size_t i) {
    ELDR_ASSIGN_OR_RETURN(setups[i], SetUpSeed(config, trace, profile, config.seed + i));
    return absl::OkStatus();
  }));

  SimResult result;
  result.trace_requests = trace.requests.size();
  result.left_out = trace.left_out;
  result.geometry = trace.geometry;
  result.cells.resize(cells);
  ELDR_RETURN_IF_ERROR(InParallel(cells, config.threads, [&](std::size_t i) {
    const auto show = [&](const replay::ReplayProgress& now) {
      const double share = absl::FDivDuration(now.now, config.replay.duration);
      progress.Update(i, std::min(share, 0.99));
      return absl::OkStatus();
    };
    ELDR_ASSIGN_OR_RETURN(result.cells[i], RunCell(config, trace, record, setups[i % config.seeds],
                                                   config.policies[i / config.seeds], show));
    progress.Update(i, 1);
    return absl::OkStatus();
  }));
  return result;
}

}  // namespace eldr::sim

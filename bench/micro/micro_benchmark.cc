// Decisions with reservation, and releases, by policy, number of nodes and form of the signature;
// the naive implementation and plain scoring beside. 48 layers x 128 experts.
#include <memory>
#include <string>

#include "bench/micro/f32_scoring.h"
#include "bench/micro/loaded_fleet.h"
#include "bench/micro/naive_decision.h"
#include "benchmark/benchmark.h"

namespace eldr {
namespace {

constexpr std::size_t kLeasesPerNode = 8;

LoadedFleet::Shape ShapeOf(const std::string& policy, SignatureForm form,
                           const benchmark::State& state) {
  LoadedFleet::Shape shape;
  shape.policy = policy;
  shape.nodes = static_cast<std::size_t>(state.range(0));
  shape.form = form;
  shape.leases_per_node = kLeasesPerNode;
  return shape;
}

// A placement and the release of the oldest, so that the load stands.
void PlaceAndRelease(benchmark::State& state, const std::string& policy, SignatureForm form) {
  LoadedFleet fleet(ShapeOf(policy, form, state));
  for (auto _ : state) {
    fleet.Place();
    fleet.Release();
  }
}

// Placements alone; what piles up is released off the clock.
void Place(benchmark::State& state, const std::string& policy, SignatureForm form) {
  constexpr std::size_t kBatch = 64;
  LoadedFleet fleet(ShapeOf(policy, form, state));
  while (state.KeepRunningBatch(kBatch)) {
    for (std::size_t i = 0; i < kBatch; ++i) fleet.Place();
    state.PauseTiming();
    for (std::size_t i = 0; i < kBatch; ++i) fleet.Release();
    state.ResumeTiming();
  }
}

// The placement that meets a changed fleet, and what the change makes for the background.
void PlaceAfterAFleetChange(benchmark::State& state) {
  LoadedFleet fleet(ShapeOf("locality_band", SignatureForm::kDense, state));
  for (auto _ : state) {
    state.PauseTiming();
    fleet.RunBackgroundJobs();
    fleet.ToggleANode();
    state.ResumeTiming();
    fleet.Place();
    state.PauseTiming();
    fleet.Release();
    state.ResumeTiming();
  }
}

void DealOutAChangedFleet(benchmark::State& state) {
  LoadedFleet fleet(ShapeOf("locality_band", SignatureForm::kDense, state));
  for (auto _ : state) {
    state.PauseTiming();
    fleet.ToggleANode();
    state.ResumeTiming();
    fleet.RunBackgroundJobs();
  }
}

void NaiveDecisions(benchmark::State& state) {
  const auto nodes = static_cast<std::size_t>(state.range(0));
  const auto signatures = MakeSignatures(BenchGeometry(), SignatureForm::kDense, 64, 1);
  NaiveDecision naive(BenchGeometry(), nodes);
  std::size_t next = 0;
  for (std::size_t i = 0; i < nodes; ++i) naive.Place(signatures[next++ % signatures.size()]);
  for (auto _ : state) {
    naive.Place(signatures[next++ % signatures.size()]);
    naive.Release();
  }
}

void PlainF32Scoring(benchmark::State& state) {
  if (!F32Scoring::Supported()) {
    state.SkipWithError("needs AVX2 and FMA");
    return;
  }
  F32Scoring scoring(static_cast<std::size_t>(state.range(0)), BenchGeometry().cells());
  for (auto _ : state) benchmark::DoNotOptimize(scoring.Score());
}

void ForFleets(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("nodes")->RangeMultiplier(4)->Range(16, 1024)->Unit(benchmark::kMicrosecond);
}

const bool kRegistered = [] {
  for (const char* policy :
       {"residency", "locality_band", "least_loaded", "power_of_two", "round_robin", "random"}) {
    for (const SignatureForm form : {SignatureForm::kDense, SignatureForm::kSparse}) {
      const std::string name =
          std::string(policy) + (form == SignatureForm::kDense ? "/dense" : "/sparse");
      benchmark::RegisterBenchmark(("Place/" + name).c_str(), Place, policy, form)
          ->Apply(ForFleets);
      benchmark::RegisterBenchmark(("PlaceAndRelease/" + name).c_str(), PlaceAndRelease, policy,
                                   form)
          ->Apply(ForFleets);
    }
  }
  return true;
}();

BENCHMARK(PlaceAfterAFleetChange)->Apply(ForFleets);
BENCHMARK(DealOutAChangedFleet)->Apply(ForFleets);
BENCHMARK(NaiveDecisions)->Apply(ForFleets);
BENCHMARK(PlainF32Scoring)->Apply(ForFleets);

}  // namespace
}  // namespace eldr

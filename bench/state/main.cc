// eldr-bench-restore: how long a restart takes, and what keeping the state costs.
//
//   build/release/bench/state/eldr-bench-restore [LEASES [LAYERS [EXPERTS]]]
#include <malloc.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/observers.h"
#include "server/state/state_store.h"

namespace eldr {
namespace {

constexpr int kNodes = 64;

double Seconds(MonotonicTime start) {
  return absl::ToDoubleSeconds(RealClock().Monotonic() - start);
}

// Resident MiB.
double Resident() {
  std::ifstream file("/proc/self/statm");
  double total = 0, resident = 0;
  file >> total >> resident;
  return resident * 4096 / (1 << 20);
}

// A router, with or without a store, and with the model declared.
struct Process {
  Process(const std::string& folder, const std::string& sync, const ModelGeometry& geometry)
      : log(LogConfig{}, RealClock(), std::make_shared<NoOutput>()) {
    if (!folder.empty()) {
      StateConfig config;
      config.directory = folder;
      config.sync = sync;
      store = StateStore::Open(config, RealClock(), log, registry).value();
      observers.Add(*store);
    }
    Router::Options options;
    options.receipts = 0;
    router = Router::Create(options, RealClock(), observers).value();
    if (!router->DeclareModel({"m", geometry, {}}).ok()) std::abort();
  }
  ~Process() {
    if (store != nullptr) store->Close();
  }

  void Restore() {
    store->Restore(*router, [](const ModelRecord&) { return absl::OkStatus(); });
  }
  void Register() {
    for (int i = 0; i < kNodes; ++i) {
      NodeSpec spec;
      spec.node_id = absl::StrCat("n", i);
      spec.model = "m";
      spec.address = "a:1";
      if (!router->RegisterNode(spec).ok()) std::abort();
    }
  }
  void Place(int first, int count) {
    for (int i = first; i < first + count; ++i) {
      const std::string id = absl::StrCat("request-", i);
      PlacementQuery query;
      query.model = "m";
      query.request_id = id;
      if (!router->Place(query).ok()) std::abort();
    }
  }

  Log log;
  prometheus::Registry registry;
  Observers observers;
  std::unique_ptr<StateStore> store;
  std::unique_ptr<Router> router;
};

int Run(int leases, const ModelGeometry& geometry) {
  std::string folder = (std::filesystem::temp_directory_path() / "restore_XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 1;
  constexpr int kTimed = 4000;
  for (const char* sync : {"", "interval", "never"}) {
    Process process(*sync == '\0' ? "" : folder + "/" + sync, sync, geometry);
    if (process.store != nullptr) {
      process.Restore();
      process.store->Start();
    }
    process.Register();
    const MonotonicTime start = RealClock().Monotonic();
    process.Place(0, kTimed);
    std::printf("place, state_sync %-8s %6.2f us\n", *sync == '\0' ? "(none)" : sync,
                Seconds(start) * 1e6 / kTimed);
  }
  {
    Process process(folder + "/state", "interval", geometry);
    process.Restore();
    process.Register();
    for (int i = 0; i < leases; i += 1000) {
      process.Place(i, std::min(1000, leases - i));
      process.store->Step();
    }
  }
  malloc_trim(0);  // or the memory of what is gone would hide that of what comes
  const double before = Resident();
  const MonotonicTime start = RealClock().Monotonic();
  Process process(folder + "/state", "interval", geometry);
  process.Restore();
  const double loads = Seconds(start);
  while (process.store->restoring()) process.store->Step();
  if (process.router->ListModels().at(0).leases != static_cast<std::uint64_t>(leases)) return 1;
  std::printf("%d leases, %u x %u: loads in %.3f s, contributions in %.3f s, +%.0f MiB resident\n",
              leases, geometry.layers, geometry.experts, loads, Seconds(start),
              Resident() - before);
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return 0;
}

}  // namespace
}  // namespace eldr

int main(int argc, char** argv) {
  int leases = 100'000;
  eldr::ModelGeometry geometry = {48, 128, 8, {}};
  if ((argc > 1 && !absl::SimpleAtoi(argv[1], &leases)) ||
      (argc > 2 && !absl::SimpleAtoi(argv[2], &geometry.layers)) ||
      (argc > 3 && !absl::SimpleAtoi(argv[3], &geometry.experts))) {
    std::fputs("eldr-bench-restore: expected numbers: [LEASES [LAYERS [EXPERTS]]]\n", stderr);
    return 1;
  }
  return eldr::Run(leases, geometry);
}

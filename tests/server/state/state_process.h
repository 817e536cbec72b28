// A router with its state directory, as a process has it: what the tests of the state share.
#ifndef ELDR_TESTS_SERVER_STATE_STATE_PROCESS_H_
#define ELDR_TESTS_SERVER_STATE_STATE_PROCESS_H_

#include <prometheus/registry.h>

#include <memory>
#include <string>
#include <vector>

#include "core/base/file_system.h"
#include "core/route/router.h"
#include "server/base/log.h"
#include "server/base/log_output.h"
#include "server/observers.h"
#include "server/state/state_store.h"
#include "tests/support/fake_clock.h"

namespace eldr {

inline constexpr char kModel[] = "m";
inline const ModelGeometry kGeometry = {2, 8, 2, {}};

// Removed when the program ends.
std::string NewFolder();
std::string ReadFile(const std::string& path);
void WriteFile(const std::string& path, const std::string& bytes);
// What kill -9 would leave now.
std::string CopyAsKilled(const std::string& folder);

// Steps by hand.
class Process {
 public:
  struct Options {
    std::string sync = "interval";
    ModelGeometry geometry = kGeometry;
    RouterObserver* also = nullptr;
    FileSystem* files = &RealFileSystem();
    Router::Options router = {};
    // Takes its lines; they are complete when it is gone.
    std::shared_ptr<LogOutput> log = std::make_shared<NoOutput>();
  };
  explicit Process(const std::string& folder) : Process(folder, Options{}) {}
  Process(const std::string& folder, const Options& options);
  ~Process();

  // Everything so far is written, what was learned too.
  void Write();
  void Register(const std::string& id, std::uint64_t incarnation = 1);
  HeartbeatResult Beat(const std::string& id);
  absl::StatusOr<Placement> Place(const std::string& id);
  void Release(const std::string& id);
  // Ids of those that hold leases, ordered.
  std::vector<std::string> Requests() const;
  double Metric(const std::string& name, const std::string& label = "") const;
  FakeClock clock_;
  Log log_;
  prometheus::Registry registry_;
  Observers observers_;
  absl::Status status_;
  std::unique_ptr<StateStore> store_;
  std::unique_ptr<Router> router_;
};

// Everything that a router tells of its leases and nodes, in order; loads aside, for which reports
// count too.
std::string ObserveBooks(const Router& router);
// And of what it has learned.
std::string Observe(const Router& router);

}  // namespace eldr

#endif  // ELDR_TESTS_SERVER_STATE_STATE_PROCESS_H_

// The real eldrd, as a process that can be killed, frozen and started again.
#ifndef ELDR_TESTS_CHAOS_ELDRD_PROCESS_H_
#define ELDR_TESTS_CHAOS_ELDRD_PROCESS_H_

#include <grpcpp/channel.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "eldr/v1/fleet.grpc.pb.h"
#include "tests/chaos/child_process.h"
#include "tests/support/temp_dir.h"

namespace eldr {

// It serves the model "m" on a unix socket, which stays the same over restarts, and on a free TCP
// port. Nodes are lost after two seconds of silence, unless told.
class EldrdProcess {
 public:
  struct Settings {
    std::string grpc;         // further lines of its section, with their two blanks before them
    std::string more;         // further sections
    std::string also_listen;  // HOST:PORT beside what it has anyway; may be empty
    std::string node_timeout = "2s";
    std::vector<std::string> environment;
    std::vector<std::string> prefix;  // what runs the program
  };
  EldrdProcess() : EldrdProcess(Settings{}) {}
  explicit EldrdProcess(Settings settings);

  // Returns when it listens; a fatal failure of the test if it does not.
  void Start();
  void Kill();      // kill -9
  int Terminate();  // its exit code
  int Wait();       // for its end of its own accord; its exit code
  pid_t pid() const { return process_->pid(); }

  // A file of its own.
  std::string Path(const std::string& name) const { return dir_ / name; }
  std::string unix_target() const { return "unix:" + Path("socket"); }
  // HOST:PORT as bound on that host; a failure of the test if there is none.
  std::string tcp_target(const std::string& host = "127.0.0.1") const;
  std::string http_target() const { return "127.0.0.1:" + std::to_string(http_port_); }
  // A connection that is shared with nobody.
  std::shared_ptr<grpc::Channel> NewChannel() const;

  // All lines that it has written, in all its lives.
  std::string Log() const { return ReadWholeFile(Path("log")); }
  std::string MetricsPage() const;
  // What a page of the HTTP port answers; 0 if nobody answers.
  int StatusOf(const std::string& page) const;
  // The sum over the series of a metric, or over those whose labels contain the text; 0 if none.
  double Metric(const std::string& name, const std::string& labels = "") const;
  // Its resident memory in bytes.
  double ResidentBytes() const;

  // A node that sends no heartbeats, so it is ready at once.
  void RegisterNode(const std::string& node_id);

 private:
  const TempDir dir_;
  const Settings settings_;
  std::unique_ptr<ChildProcess> process_;
  int http_port_ = 0;
};

}  // namespace eldr

#endif  // ELDR_TESTS_CHAOS_ELDRD_PROCESS_H_

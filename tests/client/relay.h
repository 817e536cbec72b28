// A network between a client and its daemon that can go silent.
#ifndef ELDR_TESTS_CLIENT_RELAY_H_
#define ELDR_TESTS_CLIENT_RELAY_H_

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace eldr::client {

// Accepts TCP connections on a free port of the loopback and passes on what either side sends. Once
// silenced, the connections that are open carry nothing more, and are not closed, as if the far
// host had vanished; new ones are carried to where the relay points then.
class Relay {
 public:
  explicit Relay(const std::string& target);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  const std::string& target() const { return target_; }
  void SilenceOpenConnections();
  // Where connections go from now on.
  void PointTo(const std::string& target);
  // How many were accepted so far.
  int accepted() const { return accepted_.load(); }

 private:
  // Two ends of a connection.
  struct Pair {
    int near = -1;
    int far = -1;
    bool silent = false;
  };

  void Run();
  void Accept() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  int listener_ = -1;
  std::string target_;
  std::atomic<int> accepted_{0};
  std::atomic<bool> stop_{false};
  absl::Mutex mutex_;
  std::string daemon_ ABSL_GUARDED_BY(mutex_);
  std::vector<Pair> pairs_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace eldr::client

#endif  // ELDR_TESTS_CLIENT_RELAY_H_

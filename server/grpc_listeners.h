// Accepts the connections of the gRPC port.
#ifndef ELDR_SERVER_GRPC_LISTENERS_H_
#define ELDR_SERVER_GRPC_LISTENERS_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/base/mutex.h"
#include "server/base/flood_guard.h"
#include "server/base/listener.h"
#include "server/base/log.h"
#include "server/base/wake_up.h"

namespace eldr {

// How long a client may leave bytes unacknowledged, or a question whether it lives unanswered,
// until it counts as gone.
inline constexpr absl::Duration kClientSilence = absl::Seconds(20);

// gRPC's own listeners stop for good when one accept() fails, as it does without free files. These
// go on: what cannot be accepted now is tried again, a socket that does not work any more is opened
// anew, a connection that would take the last free files is closed at once, and one whose peer
// sends without end what nobody asked for later.
//
// Thread-safe.
class GrpcListeners {
 public:
  // Takes a connection over. `plaintext`: of a unix socket, or the daemon's own.
  using Take = std::function<void(int listening, UniqueFd connection, bool plaintext)>;

  // Listens when it returns; errors as Listener::Open. `log` must outlive it.
  static absl::StatusOr<std::unique_ptr<GrpcListeners>> Open(
      absl::Span<const ListenAddress> addresses, Log& log);
  ~GrpcListeners();

  // As bound.
  const std::vector<ListenAddress>& addresses() const { return addresses_; }

  // How to reach one of its sockets: in numbers, and which of addresses() it belongs to.
  struct Endpoint {
    std::size_t index;
    ListenAddress address;
  };
  const std::vector<Endpoint>& endpoints() const { return endpoints_; }

  // Accepts from now on; once.
  void Start(Take take);
  // Closes the sockets.
  void Stop();

  // Lets one of addresses() be listened on anew, soon; a line says whether it was possible.
  void Reopen(std::size_t index);

  // Names the port from which the daemon will call itself; 0: none.
  void ExpectOwn(int port) { own_port_.store(port); }
  // Connections that were closed because there were too few free files.
  std::uint64_t refused() const { return refused_.load(); }
  // Connections that were ended because their peers flooded them; see FloodGuard.
  std::uint64_t floods() const { return floods_.load(); }

 private:
  explicit GrpcListeners(Log& log) : log_(log) {}
  void Serve();
  // Waits for connections, or for what else there is to do; false if there are none.
  bool Wait();
  void AcceptAll(std::size_t index, int listening);
  void Admit(std::size_t index, int listening, UniqueFd connection);
  void OnFailure(std::size_t index, int error);
  void EndFloods();
  void ReopenNow(std::size_t index);
  bool IsOwn(int connection) const;

  Log& log_;
  const WakeUp wake_;
  Take take_;
  std::vector<ListenAddress> addresses_;
  std::vector<Endpoint> endpoints_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> own_port_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> floods_{0};
  Mutex mutex_;
  std::set<std::size_t> to_reopen_ ABSL_GUARDED_BY(mutex_);

  // Of the thread, once it runs.
  std::vector<std::unique_ptr<Listener>> listeners_;  // nullptr: could not be reopened
  struct Socket {
    std::size_t index;  // of its listener
    int fd;
  };
  std::vector<Socket> ready_;
  bool pausing_ = false;
  FloodGuard guard_;
  std::chrono::steady_clock::time_point next_look_;
  std::thread thread_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_GRPC_LISTENERS_H_

// Counts the calls that are in flight, and refuses new ones once the daemon shuts down.
#ifndef ELDR_SERVER_RPC_IN_FLIGHT_CALLS_H_
#define ELDR_SERVER_RPC_IN_FLIGHT_CALLS_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <unordered_set>

#include "absl/time/time.h"

namespace eldr {

// A stream of a client that can be asked to end.
class OpenStream {
 public:
  virtual ~OpenStream() = default;
  // Keeps the stream alive until End(). False if it is finished already: then End() must not
  // follow.
  virtual bool Hold() = 0;
  // Lets go of a held stream: it answers what it has read and finishes with UNAVAILABLE.
  virtual void End() = 0;
};

// Thread-safe. They are counted here, not by grpc::Server: the server also counts calls of others,
// such as health watches, which never end of their own accord and would cost the whole drain.
class InFlightCalls {
 public:
  // True if the call may go on; Leave() must then follow. False once closed.
  bool Enter();
  void Leave();

  // The same for a stream.
  bool EnterStream(OpenStream* stream);
  void LeaveStream(OpenStream* stream);

  // Refuses calls from now on and ends the open streams.
  void Close();
  // Calls and streams that were entered and not left.
  std::int64_t in_flight() const { return in_flight_.load(); }
  // True once no call is in flight; false if `timeout` passed before. REQUIRES: closed.
  bool WaitUntilIdle(absl::Duration timeout);

 private:
  std::atomic<bool> closed_{false};
  std::atomic<std::int64_t> in_flight_{0};
  std::mutex mutex_;
  std::condition_variable idle_;
  std::unordered_set<OpenStream*> streams_;  // guarded by mutex_
};

}  // namespace eldr

#endif  // ELDR_SERVER_RPC_IN_FLIGHT_CALLS_H_

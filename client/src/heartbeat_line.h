// Heartbeats over a stream, one at a time, each answered in time or not at all.
#ifndef ELDR_CLIENT_SRC_HEARTBEAT_LINE_H_
#define ELDR_CLIENT_SRC_HEARTBEAT_LINE_H_

#include <memory>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "eldr/client/client.h"

namespace eldr::client::internal {

// A stream waits for its peer as long as that takes, so a thread of its own sends and receives, and
// whoever waits for the answer can give up. Exchange() is called by one thread at a time.
class HeartbeatLine {
 public:
  explicit HeartbeatLine(Client& client);
  // Cancels what is under way.
  ~HeartbeatLine();
  HeartbeatLine(const HeartbeatLine&) = delete;
  HeartbeatLine& operator=(const HeartbeatLine&) = delete;

  // The daemon's answer, its refusal among them. DEADLINE_EXCEEDED if none came in time. What broke
  // the stream is returned once; the next call opens a new one. A stream that ended since the last
  // heartbeat has not taken this one, which then goes by a new one.
  absl::StatusOr<v1::HeartbeatResponse> Exchange(const v1::HeartbeatRequest& request,
                                                 absl::Duration patience);

 private:
  void Run();
  absl::StatusOr<v1::HeartbeatResponse> Ask(const v1::HeartbeatRequest& request);
  // By the stream that is open, or a new one.
  absl::StatusOr<uint64_t> Send(const v1::HeartbeatRequest& request);
  // Opens a stream if there is none: waits until it is connected, or cannot be. CANCELLED if nobody
  // waits for the answer any more.
  absl::Status Open() ABSL_LOCKS_EXCLUDED(mutex_);
  void Drop() ABSL_LOCKS_EXCLUDED(mutex_);
  bool NoneIsBusy() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !busy_; }
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stop_ || request_; }

  Client& client_;
  absl::Mutex mutex_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<v1::HeartbeatRequest> request_ ABSL_GUARDED_BY(mutex_);
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;      // with a request
  bool given_up_ ABSL_GUARDED_BY(mutex_) = false;  // nobody waits for its answer
  absl::StatusOr<v1::HeartbeatResponse> answer_ ABSL_GUARDED_BY(mutex_);
  // Made and dropped by the thread alone; others only cancel it.
  std::unique_ptr<HeartbeatStream> stream_ ABSL_GUARDED_BY(mutex_);
  HeartbeatStream* open_ = nullptr;  // the same, of the thread
  std::thread thread_;               // last: it uses all of the above
};

}  // namespace eldr::client::internal

#endif  // ELDR_CLIENT_SRC_HEARTBEAT_LINE_H_

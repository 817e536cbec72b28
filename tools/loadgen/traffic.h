// The load itself: placements and releases over a completion queue.
#ifndef ELDR_TOOLS_LOADGEN_TRAFFIC_H_
#define ELDR_TOOLS_LOADGEN_TRAFFIC_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "core/base/mutex.h"
#include "eldr/v1/placement.grpc.pb.h"
#include "tools/loadgen/arrival_schedule.h"
#include "tools/loadgen/async_calls.h"
#include "tools/loadgen/call_record.h"
#include "tools/loadgen/load_options.h"
#include "tools/loadgen/query_stream.h"
#include "tools/loadgen/request_source.h"
#include "tools/loadgen/timer_queue.h"

namespace eldr::loadgen {

// What was measured: calls that were meant to be sent in [warmup, warmup + duration).
struct TrafficResult {
  absl::Duration measured;  // less than the duration if it was stopped
  CallRecord push;
  CallRecord place;
  CallRecord release;
  std::uint64_t late_sends = 0;  // of an open loop: more than 1 ms
  absl::Duration latest_send;
  std::uint64_t not_sent = 0;  // of an open loop: its time had come, but not its turn
  // Releases of leases that had ended before: their node left, or the daemon restarted.
  std::uint64_t not_held = 0;
};

// Counts since the start, for a line of progress.
struct TrafficProgress {
  absl::Duration elapsed;
  bool warming_up = true;
  std::uint64_t calls = 0;   // of all kinds, answered
  std::uint64_t placed = 0;  // placements that succeeded
  std::uint64_t failed = 0;  // calls of all kinds that did not
  std::uint32_t under_way = 0;
};

class Traffic {
 public:
  // All outlive it.
  Traffic(const LoadOptions& options, const RequestSource& source, AsyncCalls& calls,
          const Clock& clock);
  ~Traffic();

  // Runs the load, once, and waits for the answers. Asks `keep_on` every 100 ms or more often, from
  // this thread, and stops when it answers false. Leases may be left: see TakeHeld().
  TrafficResult Run(absl::FunctionRef<bool(const TrafficProgress&)> keep_on);

  // The ids of requests whose leases were not released. After Run().
  std::vector<std::string> TakeHeld();

 private:
  struct Placed {
    std::uint64_t number = 0;
    std::uint64_t lease_id = 0;
  };

  bool open_loop() const { return schedule_.has_value(); }
  v1::PlacementService::Stub& StubOf(std::uint64_t number) {
    return *stubs_[number % stubs_.size()];
  }
  // Whether a call meant for this time is measured.
  bool Measured(MonotonicTime intended) const;

  // A closed loop: the next request of one caller.
  void Next();
  // An open loop: sends what has come, and waits for the next arrival.
  void Arrive();
  void SendArrival(MonotonicTime intended);

  // One request: its push if it has one, its placement, and what follows.
  void Begin(std::uint64_t number, MonotonicTime intended);
  void Place(std::uint64_t number, MonotonicTime intended);
  void OnPlaced(std::uint64_t number, const absl::Status& status,
                const v1::PlaceResponse& response);
  // Releases what has been held for the longest; `then` runs when that is answered.
  void ReleaseOldest(absl::AnyInvocable<void()> then);
  // All calls of a request are answered: whoever waited for that goes on.
  void OnRequestDone(const absl::Status& status);
  void Count(CallRecord TrafficResult::*record, const absl::Status& status, MonotonicTime intended);

  void WaitUntilAnswered();
  void CloseStreams();

  const LoadOptions& options_;
  const RequestSource& source_;
  AsyncCalls& calls_;
  const Clock& clock_;
  TimerQueue timers_;
  std::vector<std::unique_ptr<v1::PlacementService::Stub>> stubs_;
  std::vector<std::unique_ptr<QueryStream>> streams_;
  std::optional<ArrivalSchedule> schedule_;

  MonotonicTime start_;
  MonotonicTime measure_from_;
  MonotonicTime measure_until_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> numbers_{0};
  std::atomic<std::uint32_t> under_way_{0};  // calls that are not answered
  std::atomic<std::uint64_t> answered_{0};
  std::atomic<std::uint64_t> placed_{0};
  std::atomic<std::uint64_t> failed_{0};

  Mutex mutex_;
  TrafficResult result_ ABSL_GUARDED_BY(mutex_);
  std::deque<Placed> held_ ABSL_GUARDED_BY(mutex_);
  std::uint32_t outstanding_ ABSL_GUARDED_BY(mutex_) = 0;  // requests of an open loop
  std::deque<MonotonicTime> overdue_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace eldr::loadgen

#endif  // ELDR_TOOLS_LOADGEN_TRAFFIC_H_

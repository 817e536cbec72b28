#include "server/rpc/in_flight_calls.h"

#include <algorithm>
#include <chrono>
#include <vector>

namespace eldr {

bool InFlightCalls::Enter() {
  // Count first, then look: a Close() that this does not see will see the count.
  in_flight_.fetch_add(1);
  if (!closed_.load()) return true;
  Leave();
  return false;
}

void InFlightCalls::Leave() {
  // Once the count is down this may not be touched while it is open: it could be gone.
  const bool closed = closed_.load();
  if (!closed) {
    in_flight_.fetch_sub(1);
    return;
  }
  std::lock_guard<std::mutex> lock(mutex_);
  if (in_flight_.fetch_sub(1) == 1) idle_.notify_all();
}

bool InFlightCalls::EnterStream(OpenStream* stream) {
  if (!Enter()) return false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!closed_.load()) {
      streams_.insert(stream);
      return true;
    }
  }
  Leave();
  return false;
}

void InFlightCalls::LeaveStream(OpenStream* stream) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    streams_.erase(stream);
  }
  Leave();
}

void InFlightCalls::Close() {
  std::vector<OpenStream*> held;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    closed_.store(true);
    for (OpenStream* stream : streams_) {
      if (stream->Hold()) held.push_back(stream);
    }
  }
  // Without the lock: a stream that finishes here comes back through LeaveStream.
  for (OpenStream* stream : held) stream->End();
}

bool InFlightCalls::WaitUntilIdle(absl::Duration timeout) {
  std::unique_lock<std::mutex> lock(mutex_);
  // Looks again now and then: a call that found this open just before it closed leaves
  // without a notice.
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(timeout);
  while (in_flight_.load() > 0) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) return false;
    idle_.wait_until(lock, std::min(deadline, now + std::chrono::milliseconds(5)));
  }
  return true;
}

}  // namespace eldr

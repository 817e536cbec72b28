// Bounds on what is served at a time. Beyond a bound a call is refused at once: nothing queues.
#ifndef ELDR_SERVER_RPC_CALL_LIMITS_H_
#define ELDR_SERVER_RPC_CALL_LIMITS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/base/mutex.h"
#include "server/config/config.h"

namespace eldr {

// Calls that are answered as soon as they are read are counted in all only, for a client can keep
// no more of them busy than there are threads. What stays, streams and placements that wait for
// their signature, is bounded per client too.
//
// Thread-safe. Refusals are RESOURCE_EXHAUSTED made by LimitExceeded(), naming the key of the
// limit.
class CallLimits {
 public:
  // What was taken; given back when this goes.
  class Hold {
   public:
    Hold() = default;
    Hold(Hold&& other) noexcept { *this = std::move(other); }
    Hold& operator=(Hold&& other) noexcept;
    ~Hold() { GiveBack(); }

   private:
    friend class CallLimits;
    enum class Kind : std::uint8_t { kCall, kStream, kWait, kAnswer };
    Hold(CallLimits* limits, Kind kind, std::string peer = "", std::size_t bytes = 0)
        : limits_(limits), kind_(kind), peer_(std::move(peer)), bytes_(bytes) {}
    void GiveBack();

    CallLimits* limits_ = nullptr;
    Kind kind_ = Kind::kCall;
    std::string peer_;
    std::size_t bytes_ = 0;
  };

  // Outlives its holds.
  explicit CallLimits(const CallLimitsConfig& config) : config_(config) {}

  // A unary call, whether it waits or not.
  absl::StatusOr<Hold> EnterCall();
  // A stream of a client.
  absl::StatusOr<Hold> EnterStream(const std::string& peer);
  // A query of `bytes` that waits for its signature, unary or on a stream.
  absl::StatusOr<Hold> EnterWait(const std::string& peer, std::size_t bytes);

  // A unary answer that takes `bytes` until its client has read it.
  absl::StatusOr<Hold> EnterAnswer(std::size_t bytes);

  struct Counts {
    std::uint64_t calls = 0;
    std::uint64_t streams = 0;
    std::uint64_t waits = 0;
    std::uint64_t wait_bytes = 0;
    std::uint64_t answer_bytes = 0;
    std::uint64_t peers = 0;  // with a stream or a wait
  };
  Counts counts() const;

 private:
  struct PeerCounts {
    std::uint64_t streams = 0;
    std::uint64_t waits = 0;
  };
  void LeaveStream(const std::string& peer);
  void LeaveWait(const std::string& peer, std::size_t bytes);
  // Forgets a client that holds nothing.
  void Tidy(const std::string& peer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const CallLimitsConfig config_;
  std::atomic<std::uint64_t> calls_{0};
  std::atomic<std::uint64_t> answer_bytes_{0};
  mutable Mutex mutex_;
  std::uint64_t streams_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t waits_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t wait_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<std::string, PeerCounts> peers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace eldr

#endif  // ELDR_SERVER_RPC_CALL_LIMITS_H_

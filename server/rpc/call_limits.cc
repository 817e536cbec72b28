#include "server/rpc/call_limits.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/limit_exceeded.h"

namespace eldr {
namespace {

// "4096 streams are open, the limit; ..."
absl::Status Refuse(absl::string_view limit, std::uint64_t most, absl::string_view what) {
  return LimitExceeded(limit, absl::StrCat(most, " ", what, ", the limit; retry with backoff"));
}

}  // namespace

CallLimits::Hold& CallLimits::Hold::operator=(Hold&& other) noexcept {
  if (this == &other) return *this;
  GiveBack();
  limits_ = std::exchange(other.limits_, nullptr);
  kind_ = other.kind_;
  peer_ = std::move(other.peer_);
  bytes_ = other.bytes_;
  return *this;
}

void CallLimits::Hold::GiveBack() {
  if (limits_ == nullptr) return;
  CallLimits& limits = *std::exchange(limits_, nullptr);
  switch (kind_) {
    case Kind::kCall:
      limits.calls_.fetch_sub(1);
      break;
    case Kind::kStream:
      limits.LeaveStream(peer_);
      break;
    case Kind::kWait:
      limits.LeaveWait(peer_, bytes_);
      break;
    case Kind::kAnswer:
      limits.answer_bytes_.fetch_sub(bytes_);
      break;
  }
}

absl::StatusOr<CallLimits::Hold> CallLimits::EnterCall() {
  if (calls_.fetch_add(1) < config_.calls) return Hold(this, Hold::Kind::kCall);
  calls_.fetch_sub(1);
  return Refuse("calls", config_.calls, "calls are being served");
}

absl::StatusOr<CallLimits::Hold> CallLimits::EnterStream(const std::string& peer) {
  MutexLock lock(mutex_);
  if (streams_ >= config_.streams) {
    return Refuse("streams", config_.streams, "streams are open");
  }
  PeerCounts& mine = peers_[peer];
  if (mine.streams >= config_.streams_per_peer) {
    return Refuse("streams_per_peer", config_.streams_per_peer,
                  absl::StrCat("streams of ", peer, " are open"));
  }
  ++mine.streams;
  ++streams_;
  return Hold(this, Hold::Kind::kStream, peer);
}

absl::StatusOr<CallLimits::Hold> CallLimits::EnterWait(const std::string& peer, std::size_t bytes) {
  MutexLock lock(mutex_);
  if (waits_ >= config_.waits) {
    return Refuse("waits", config_.waits, "queries wait for their signature");
  }
  if (wait_bytes_ + bytes > config_.wait_bytes) {
    return Refuse("wait_bytes", config_.wait_bytes, "bytes of queries wait for their signature");
  }
  const auto known = peers_.find(peer);
  if (known != peers_.end() && known->second.waits >= config_.waits_per_peer) {
    return Refuse("waits_per_peer", config_.waits_per_peer,
                  absl::StrCat("queries of ", peer, " wait for their signature"));
  }
  ++peers_[peer].waits;
  ++waits_;
  wait_bytes_ += bytes;
  return Hold(this, Hold::Kind::kWait, peer, bytes);
}

absl::StatusOr<CallLimits::Hold> CallLimits::EnterAnswer(std::size_t bytes) {
  if (answer_bytes_.fetch_add(bytes) + bytes <= config_.answer_bytes) {
    return Hold(this, Hold::Kind::kAnswer, "", bytes);
  }
  answer_bytes_.fetch_sub(bytes);
  return Refuse("answer_bytes", config_.answer_bytes, "bytes of answers are not read yet");
}

void CallLimits::LeaveStream(const std::string& peer) {
  MutexLock lock(mutex_);
  --streams_;
  --peers_[peer].streams;
  Tidy(peer);
}

void CallLimits::LeaveWait(const std::string& peer, std::size_t bytes) {
  MutexLock lock(mutex_);
  --waits_;
  wait_bytes_ -= bytes;
  --peers_[peer].waits;
  Tidy(peer);
}

void CallLimits::Tidy(const std::string& peer) {
  const auto found = peers_.find(peer);
  if (found->second.streams == 0 && found->second.waits == 0) peers_.erase(found);
}

CallLimits::Counts CallLimits::counts() const {
  MutexLock lock(mutex_);
  return {.calls = calls_.load(),
          .streams = streams_,
          .waits = waits_,
          .wait_bytes = wait_bytes_,
          .answer_bytes = answer_bytes_.load(),
          .peers = peers_.size()};
}

}  // namespace eldr

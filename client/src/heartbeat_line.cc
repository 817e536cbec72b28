#include "client/src/heartbeat_line.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace eldr::client::internal {

HeartbeatLine::HeartbeatLine(Client& client) : client_(client), thread_([this] { Run(); }) {}

HeartbeatLine::~HeartbeatLine() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
    if (stream_ != nullptr) stream_->Cancel();
  }
  thread_.join();
}

absl::StatusOr<v1::HeartbeatResponse> HeartbeatLine::Exchange(const v1::HeartbeatRequest& request,
                                                              absl::Duration patience) {
  const absl::Status late = absl::DeadlineExceededError(
      absl::StrCat("no answer to a heartbeat within ", absl::FormatDuration(patience)));
  absl::MutexLock lock(&mutex_);
  const absl::Condition idle(this, &HeartbeatLine::NoneIsBusy);
  // One that was given up may still be connecting.
  if (!mutex_.AwaitWithTimeout(idle, patience)) return late;
  request_ = request;
  busy_ = true;
  given_up_ = false;
  if (mutex_.AwaitWithTimeout(idle, patience)) return std::move(answer_);
  given_up_ = true;
  if (stream_ != nullptr) stream_->Cancel();
  return late;
}

void HeartbeatLine::Run() {
  for (;;) {
    v1::HeartbeatRequest request;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &HeartbeatLine::HasWork));
      if (stop_) break;
      request = *std::move(request_);
      request_.reset();
    }
    absl::StatusOr<v1::HeartbeatResponse> answer = Ask(request);
    absl::MutexLock lock(&mutex_);
    answer_ = std::move(answer);
    busy_ = false;
  }
  Drop();
}

absl::StatusOr<v1::HeartbeatResponse> HeartbeatLine::Ask(const v1::HeartbeatRequest& request) {
  const absl::StatusOr<uint64_t> number = Send(request);
  absl::Status end = number.status();
  while (end.ok()) {
    absl::StatusOr<std::optional<HeartbeatStream::Reply>> reply = open_->Receive();
    if (!reply.ok()) {
      end = reply.status();
    } else if (!reply->has_value()) {
      end = absl::UnavailableError("the daemon ended the stream before it answered");
    } else if ((*reply)->id == *number) {
      return std::move((*reply)->result);
    }
  }
  Drop();
  return end;
}

absl::StatusOr<uint64_t> HeartbeatLine::Send(const v1::HeartbeatRequest& request) {
  if (open_ != nullptr) {
    absl::StatusOr<uint64_t> number = open_->Send(request);
    if (number.ok()) return number;
    Drop();
  }
  if (absl::Status status = Open(); !status.ok()) return status;
  absl::StatusOr<uint64_t> number = open_->Send(request);
  if (number.ok()) return number;
  // Receive() knows more of why than Send().
  const auto reply = open_->Receive();
  return reply.ok() ? number.status() : reply.status();
}

absl::Status HeartbeatLine::Open() {
  std::unique_ptr<HeartbeatStream> stream = client_.StreamHeartbeats();
  absl::MutexLock lock(&mutex_);
  open_ = stream.get();
  stream_ = std::move(stream);
  if (stop_ || given_up_) return absl::CancelledError("nobody waits for the answer");
  return absl::OkStatus();
}

void HeartbeatLine::Drop() {
  std::unique_ptr<HeartbeatStream> ended;  // its end is awaited without the lock
  absl::MutexLock lock(&mutex_);
  ended = std::move(stream_);
  open_ = nullptr;
}

}  // namespace eldr::client::internal

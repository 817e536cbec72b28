// A bidirectional stream that answers each message once, now or later.
#ifndef ELDR_SERVER_RPC_MESSAGE_STREAM_H_
#define ELDR_SERVER_RPC_MESSAGE_STREAM_H_

#include <grpcpp/support/server_callback.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "core/base/mutex.h"
#include "server/base/status_to_grpc.h"
#include "server/rpc/in_flight_calls.h"
#include "server/rpc/received.h"
#include "server/rpc/service_context.h"
#include "server/rpc/stream_admission.h"
#include "server/rpc/trace_context.h"

namespace eldr {

// Subclasses implement Handle(). The stream deletes itself when it is done. It reads on while at
// most kMaxOutstanding messages are unanswered or their answers unsent, so a client that does not
// read its answers is not read from.
//
// Requests have a number `id` as field 1; responses carry it, and have an `error`. A message that
// does not parse is answered with INVALID_ARGUMENT if its bytes tell its number, and the stream
// goes on; if not, nobody could tell whose answer it is, and INVALID_ARGUMENT ends the stream once
// all before it is answered. (A client that half-closes within a frame of gRPC has sent no message:
// gRPC drops what it has of it, and tells of the half-close alone.)
//
// It ends with OK once the client has half-closed and everything is answered, with CANCELLED if the
// client went away, and with UNAVAILABLE when the daemon shuts down. It is refused at once, with
// nothing read, for want of a permission or beyond a limit.
//
// Only one thread at a time performs the stream's operations (Pump), without holding the lock:
// gRPC may call back from inside an operation.
template <typename Request, typename Response>
class MessageStream : public grpc::ServerBidiReactor<Received<Request>, Response>,
                      public OpenStream {
 public:
  using RequestType = Request;
  using ResponseType = Response;

  MessageStream(ServiceContext& context, Call call) : context_(context), call_(call) {}

  // Call once, from the service method.
  void Begin(const grpc::ServerContextBase& rpc) {
    trace_id_ = TraceIdOf(rpc);
    entered_ = context_.calls.EnterStream(this);
    absl::Status refusal = entered_ ? admission_.Admit(context_, call_, rpc) : absl::OkStatus();
    Change([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      refusal_ = std::move(refusal);
      if (!entered_ || !refusal_.ok()) ending_ = true;
    });
  }

  bool Hold() override {
    MutexLock lock(mutex_);
    if (finished_) return false;
    ++outstanding_;
    return true;
  }
  void End() override {
    Change([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      ending_ = true;
      --outstanding_;
    });
  }

 protected:
  // Must lead to exactly one Conclude() or Drop(), now or later, on any thread. May move out of
  // `request`.
  virtual void Handle(Request& request) = 0;

  // Answers the message number `id`, that came at `start`: with `response`, or with what went
  // wrong. Counts it too. The answer leaves once all that the router has changed so far is kept.
  void Conclude(std::uint64_t id, Response response, const absl::Status& status,
                MonotonicTime start) {
    response.set_id(id);
    if (!status.ok()) ToProto(status, response.mutable_error());
    WhenKept(context_, [this, start, status, answer = std::move(response)]() mutable {
      context_.metrics.OnCall(call_, status, context_.clock.Monotonic() - start);
      Answer(std::move(answer));
    });
  }
  // Answers nobody: for a message whose client is gone.
  void Drop() {
    Change([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { --outstanding_; });
  }
  bool ClientIsGone() {
    MutexLock lock(mutex_);
    return broken_;
  }
  // The client's address, as limits per client count it.
  const std::string& peer() const { return admission_.peer(); }
  // The trace that the stream was opened in; empty if none was told.
  absl::string_view trace_id() const { return trace_id_; }

  ServiceContext& context_;

 private:
  static constexpr std::size_t kMaxOutstanding = 256;
  enum class Operation { kNone, kRead, kWrite, kFinish };

  void OnReadDone(bool ok) override {
    bool handle = false;
    {
      MutexLock lock(mutex_);
      // What comes in after the end is not acted upon: its sender hears UNAVAILABLE or is gone.
      handle = ok && !finished_ && !ending_ && !broken_;
      if (handle) ++outstanding_;
    }
    if (handle && request_.status().ok()) {
      Handle(request_.message());
    } else if (handle) {
      HandleFault();
    }
    request_.Discard();
    Change([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      reading_ = false;
      if (!ok) half_closed_ = true;
    });
  }
  void OnWriteDone(bool ok) override {
    Change([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      writing_ = false;
      if (!ok) broken_ = true;
    });
  }
  void OnCancel() override {
    Change([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { broken_ = true; });
  }
  void OnDone() override {
    admission_.Release();
    if (entered_) context_.calls.LeaveStream(this);
    delete this;
  }

  // A message that does not parse.
  void HandleFault() {
    const absl::Status& status = request_.status();
    if (request_.id().has_value()) {
      Conclude(*request_.id(), Response(), status, context_.clock.Monotonic());
      return;
    }
    context_.metrics.OnCall(call_, status, absl::ZeroDuration());
    Change([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      --outstanding_;
      ending_ = true;
      if (refusal_.ok()) refusal_ = status;
    });
  }
  void Answer(Response response) {
    Change([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      --outstanding_;
      answers_.push_back(std::move(response));
    });
  }

  // Applies a change of state under the lock (which the analysis cannot know inside a lambda), then
  // performs what it allows. Nothing of the stream may be touched afterwards: it may be gone.
  template <typename StateChange>
  void Change(StateChange&& change) {
    {
      MutexLock lock(mutex_);
      change();
      if (pumping_) return;
      pumping_ = true;
    }
    Pump();
  }

  void Pump() {
    while (true) {
      Operation operation;
      grpc::Status status;
      {
        MutexLock lock(mutex_);
        operation = NextOperation();
        if (operation == Operation::kNone) pumping_ = false;
        if (operation == Operation::kFinish) status = FinalStatus();
      }
      switch (operation) {
        case Operation::kNone:
          return;
        case Operation::kRead:
          this->StartRead(&request_);
          break;
        case Operation::kWrite:
          this->StartWrite(&response_);
          break;
        case Operation::kFinish:
          this->Finish(std::move(status));  // deletes the stream, perhaps before it returns
          return;
      }
    }
  }

  Operation NextOperation() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (finished_) return Operation::kNone;
    if (broken_) answers_.clear();
    if (!writing_ && !answers_.empty()) {
      writing_ = true;
      response_ = std::move(answers_.front());
      answers_.pop_front();
      return Operation::kWrite;
    }
    const bool last = ending_ || broken_ || half_closed_;
    if (last && !writing_ && outstanding_ == 0 && answers_.empty()) {
      finished_ = true;
      return Operation::kFinish;
    }
    if (!last && !reading_ && outstanding_ + answers_.size() < kMaxOutstanding) {
      reading_ = true;
      return Operation::kRead;
    }
    return Operation::kNone;
  }

  grpc::Status FinalStatus() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (broken_) return grpc::Status::CANCELLED;
    if (!refusal_.ok()) return ToGrpcStatus(refusal_);
    // All that the client had to say was answered, whatever came after.
    if (half_closed_) return grpc::Status::OK;
    return ToGrpcStatus(ShuttingDown());
  }

  const Call call_;
  StreamAdmission admission_;
  bool entered_ = false;
  absl::string_view trace_id_;  // a part of the call's metadata
  Received<Request> request_;   // owned by the read, then by Handle()
  Response response_;           // owned by the write

  Mutex mutex_;
  std::deque<Response> answers_ ABSL_GUARDED_BY(mutex_);
  std::size_t outstanding_ ABSL_GUARDED_BY(mutex_) = 0;  // messages handed out, and holds
  bool pumping_ ABSL_GUARDED_BY(mutex_) = false;
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;  // from StartRead until its message is handled
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;   // no more is read
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);  // why it ends, unless the daemon shuts down
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;   // the client is gone
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace eldr

#endif  // ELDR_SERVER_RPC_MESSAGE_STREAM_H_

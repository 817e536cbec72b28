// A call whose client decides at any time what happens to it.
#ifndef ELDR_TESTS_FUZZ_CLIENT_CALL_H_
#define ELDR_TESTS_FUZZ_CLIENT_CALL_H_

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/client_callback.h>
#include <grpcpp/support/slice.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

namespace eldr {

// Every call is made as a stream of bytes both ways, so that one of a unary method can be
// half-closed with no message, too. Thread-safe.
class ClientCall final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  // `deadline` from now; zero means none.
  ClientCall(grpc::GenericStub& stub, const std::string& path, std::chrono::microseconds deadline) {
    if (deadline.count() > 0) context_.set_deadline(std::chrono::system_clock::now() + deadline);
    stub.PrepareBidiStreamingCall(&context_, path, {}, this);
    AddHold();  // for writes from outside, until Release()
    StartRead(&read_);
    StartCall();
  }

  void Write(const std::string& message) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (no_more_) return;
    const grpc::Slice slice(message);
    queue_.emplace_back(&slice, 1);
    Next();
  }
  void HalfClose() {
    std::lock_guard<std::mutex> lock(mutex_);
    no_more_ = true;
    Next();
  }
  void Cancel() { context_.TryCancel(); }
  // Nothing is written any more. The call must be half-closed or cancelled, or have a deadline.
  void Release() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      no_more_ = true;
      Next();
    }
    RemoveHold();
  }

  // False if it is not done within ten seconds. REQUIRES: released.
  bool WaitUntilDone() {
    std::unique_lock<std::mutex> lock(mutex_);
    return ended_.wait_for(lock, std::chrono::seconds(10), [this] { return done_; });
  }
  // Of a call that is done.
  const grpc::Status& status() const { return status_; }
  std::size_t answers() const { return answers_; }
  std::size_t written() const { return written_; }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return;
    ++answers_;
    StartRead(&read_);
  }
  void OnWriteDone(bool ok) override {
    std::lock_guard<std::mutex> lock(mutex_);
    writing_ = false;
    queue_.pop_front();
    if (ok) {
      ++written_;
    } else {
      queue_.clear();
    }
    Next();
  }
  void OnDone(const grpc::Status& status) override {
    std::lock_guard<std::mutex> lock(mutex_);
    status_ = status;
    done_ = true;
    ended_.notify_all();  // under the lock: whoever waits may destroy this
  }

  // Starts what is to be written next. With mutex_ held.
  void Next() {
    if (writing_) return;
    if (!queue_.empty()) {
      writing_ = true;
      StartWrite(&queue_.front());
    } else if (no_more_ && !half_closed_) {
      half_closed_ = true;
      StartWritesDone();
    }
  }

  grpc::ClientContext context_;
  grpc::ByteBuffer read_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::deque<grpc::ByteBuffer> queue_;  // the first is being written
  bool writing_ = false;
  bool no_more_ = false;
  bool half_closed_ = false;
  bool done_ = false;
  grpc::Status status_;
  std::size_t answers_ = 0;
  std::size_t written_ = 0;
};

}  // namespace eldr

#endif  // ELDR_TESTS_FUZZ_CLIENT_CALL_H_

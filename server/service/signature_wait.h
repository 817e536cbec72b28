// Waits for a signature without holding a thread.
#ifndef ELDR_SERVER_SERVICE_SIGNATURE_WAIT_H_
#define ELDR_SERVER_SERVICE_SIGNATURE_WAIT_H_

#include <grpcpp/alarm.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/route/router.h"

namespace eldr {

// Thread-safe.
class SignatureWait : public std::enable_shared_from_this<SignatureWait> {
 public:
  // Calls `done` once: when the request's signature arrives (on the thread that pushes), when
  // `wait` has passed (on a thread of gRPC), or before this returns if there is nothing to wait
  // for. `router` must live until `done` has been called or Cancel() has answered true.
  static std::shared_ptr<SignatureWait> Start(Router& router, absl::string_view model,
                                              absl::string_view request_id, absl::Duration wait,
                                              absl::AnyInvocable<void()> done);

  // True if `done` has not been called and never will be.
  bool Cancel();

 private:
  SignatureWait(Router& router, absl::string_view model, absl::AnyInvocable<void()> done)
      : router_(router), model_(model), done_(std::move(done)) {}

  void Begin(absl::string_view request_id, absl::Duration wait);
  void OnArrival();
  void OnAlarm();
  // True for the first caller only: the one that ends the wait.
  bool Claim() { return !claimed_.exchange(true); }
  void CallDone();

  Router& router_;
  const std::string model_;
  absl::AnyInvocable<void()> done_;  // belongs to whoever claims
  std::atomic<bool> claimed_{false};
  std::atomic<std::uint64_t> wait_id_{0};
  grpc::Alarm alarm_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_SERVICE_SIGNATURE_WAIT_H_

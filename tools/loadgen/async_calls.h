// Calls without a thread each: a completion queue, and the thread that hears what came of them.
#ifndef ELDR_TOOLS_LOADGEN_ASYNC_CALLS_H_
#define ELDR_TOOLS_LOADGEN_ASYNC_CALLS_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_unary_call.h>

#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/src/grpc_status.h"
#include "client/src/token_source.h"
#include "eldr/client/options.h"

namespace eldr::loadgen {

// A part of a call that the completion queue will tell the end of.
class Operation {
 public:
  virtual ~Operation() = default;
  // On the completion thread. `ok` as the queue tells it. May delete this.
  virtual void Done(bool ok) = 0;
};

// The connections, and the thread. Calls can be started on any thread, those of completions too.
class AsyncCalls {
 public:
  template <typename Response>
  using OnDone = absl::AnyInvocable<void(const absl::Status&, const Response&)>;

  // INVALID_ARGUMENT or UNAUTHENTICATED if a file of TLS or of the token can not be read. Does not
  // connect.
  static absl::StatusOr<std::unique_ptr<AsyncCalls>> Create(const client::Options& options,
                                                            std::size_t connections);
  // REQUIRES: every call that was started is done.
  ~AsyncCalls();
  AsyncCalls(const AsyncCalls&) = delete;
  AsyncCalls& operator=(const AsyncCalls&) = delete;

  // Calls `stub.*prepare` (PrepareAsyncPlace, say); `on_done` runs on the completion thread.
  template <typename Stub, typename Request, typename Response>
  void Start(Stub& stub,
             std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> (Stub::*prepare)(
                 grpc::ClientContext*, const Request&, grpc::CompletionQueue*),
             const Request& request, OnDone<Response> on_done) {
    auto* const call = new Unary<Response>(std::move(on_done));
    Ready(call->context);
    call->reader = (stub.*prepare)(&call->context, request, &queue_);
    call->reader->StartCall();
    call->reader->Finish(&call->response, &call->status, static_cast<Operation*>(call));
  }

  // Adds the token, if there is one, and the deadline of unary calls.
  void Ready(grpc::ClientContext& context);
  void AddToken(grpc::ClientContext& context) { token_.AddTo(context); }

  const std::vector<std::shared_ptr<grpc::Channel>>& channels() const { return channels_; }
  grpc::CompletionQueue& queue() { return queue_; }

 private:
  template <typename Response>
  struct Unary final : Operation {
    explicit Unary(OnDone<Response> then) : on_done(std::move(then)) {}
    void Done(bool /*ok*/) override {
      on_done(client::internal::FromGrpcStatus(status), response);
      delete this;
    }

    OnDone<Response> on_done;
    grpc::ClientContext context;
    Response response;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader;
  };

  explicit AsyncCalls(const client::Options& options);
  void Complete();

  const absl::Duration timeout_;
  client::internal::TokenSource token_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  grpc::CompletionQueue queue_;
  std::thread thread_;
};

}  // namespace eldr::loadgen

#endif  // ELDR_TOOLS_LOADGEN_ASYNC_CALLS_H_

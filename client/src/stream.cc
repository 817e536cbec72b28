#include "eldr/client/stream.h"

#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

#include <utility>

#include "absl/synchronization/mutex.h"
#include "client/src/connection.h"
#include "eldr/client/client.h"

namespace eldr::client {
namespace {

// How each stream wraps the messages of its unary call.
template <typename Rpc>
struct Wire;

template <>
struct Wire<SignatureRpc> {
  using Out = v1::StreamSignaturesRequest;
  using In = v1::StreamSignaturesResponse;
  static v1::PushSignatureRequest* Body(Out& out) { return out.mutable_push(); }
  static bool Succeeded(const In& in) { return in.has_stored(); }
  static v1::PushSignatureResponse* Answer(In& in) { return in.mutable_stored(); }
};

template <>
struct Wire<PlacementRpc> {
  using Out = v1::StreamPlacementsRequest;
  using In = v1::StreamPlacementsResponse;
  static v1::PlaceRequest* Body(Out& out) { return out.mutable_place(); }
  static bool Succeeded(const In& in) { return in.has_placed(); }
  static v1::PlaceResponse* Answer(In& in) { return in.mutable_placed(); }
};

template <>
struct Wire<HeartbeatRpc> {
  using Out = v1::StreamHeartbeatsRequest;
  using In = v1::StreamHeartbeatsResponse;
  static v1::HeartbeatRequest* Body(Out& out) { return out.mutable_heartbeat(); }
  static bool Succeeded(const In& in) { return in.has_taken(); }
  static v1::HeartbeatResponse* Answer(In& in) { return in.mutable_taken(); }
};

}  // namespace

template <typename Rpc>
struct Stream<Rpc>::State {
  using Out = typename Wire<Rpc>::Out;
  using In = typename Wire<Rpc>::In;
  using Rpcs = grpc::ClientReaderWriterInterface<Out, In>;

  // `open` starts the call: a stub's method.
  template <typename Stub>
  State(std::shared_ptr<internal::Connection> shared, const CallOptions& options, Stub& stub,
        std::unique_ptr<Rpcs> (Stub::*open)(grpc::ClientContext*))
      : connection(std::move(shared)) {
    connection->PrepareStream(options, context);
    rpc = (stub.*open)(&context);
  }

  const std::shared_ptr<internal::Connection> connection;  // keeps the channel
  grpc::ClientContext context;
  std::unique_ptr<Rpcs> rpc;
  // Of the sending side.
  Out out;
  uint64_t last_id = 0;
  bool closed = false;
  // How the stream ended, once the receiving side has seen it.
  absl::Mutex mutex;
  std::optional<absl::Status> end ABSL_GUARDED_BY(mutex);
};

template <typename Rpc>
Stream<Rpc>::Stream(std::unique_ptr<State> state) : state_(std::move(state)) {}

template <typename Rpc>
Stream<Rpc>::~Stream() {
  Cancel();
  // gRPC wants the end of each call to be read. After the cancel this does not wait.
  while (Receive().value_or(std::nullopt).has_value()) {
  }
}

template <typename Rpc>
absl::StatusOr<uint64_t> Stream<Rpc>::Send(const typename Rpc::Request& request) {
  if (state_->closed) return absl::FailedPreconditionError("CloseSend() was called");
  state_->out.set_id(++state_->last_id);
  *Wire<Rpc>::Body(state_->out) = request;
  if (state_->rpc->Write(state_->out)) return state_->last_id;
  absl::MutexLock lock(&state_->mutex);
  if (state_->end && !state_->end->ok()) return *state_->end;
  return absl::UnavailableError("the stream has ended; Receive() tells why");
}

template <typename Rpc>
absl::StatusOr<std::optional<typename Stream<Rpc>::Reply>> Stream<Rpc>::Receive() {
  {
    absl::MutexLock lock(&state_->mutex);
    if (state_->end && state_->end->ok()) return std::optional<Reply>();
    if (state_->end) return *state_->end;
  }
  typename State::In in;
  if (state_->rpc->Read(&in)) {
    Reply reply;
    reply.id = in.id();
    if (Wire<Rpc>::Succeeded(in)) {
      reply.result = std::move(*Wire<Rpc>::Answer(in));
    } else {
      reply.result = internal::FromElementError(in.error());
    }
    return std::optional<Reply>(std::move(reply));
  }
  absl::Status end = state_->connection->Judge(state_->rpc->Finish());
  absl::MutexLock lock(&state_->mutex);
  state_->end = end;
  if (!end.ok()) return end;
  return std::optional<Reply>();
}

template <typename Rpc>
void Stream<Rpc>::CloseSend() {
  if (state_->closed) return;
  state_->closed = true;
  state_->rpc->WritesDone();
}

template <typename Rpc>
absl::Status Stream<Rpc>::Finish() {
  CloseSend();
  for (;;) {
    const absl::StatusOr<std::optional<Reply>> reply = Receive();
    if (!reply.ok()) return reply.status();
    if (!reply->has_value()) return absl::OkStatus();
  }
}

template <typename Rpc>
void Stream<Rpc>::Cancel() {
  state_->context.TryCancel();
}

template class Stream<SignatureRpc>;
template class Stream<PlacementRpc>;
template class Stream<HeartbeatRpc>;

std::unique_ptr<SignatureStream> Client::StreamSignatures(CallOptions options) {
  return std::unique_ptr<SignatureStream>(
      new SignatureStream(std::make_unique<SignatureStream::State>(
          connection_, options, connection_->placement(),
          &v1::PlacementService::StubInterface::StreamSignatures)));
}

std::unique_ptr<PlacementStream> Client::StreamPlacements(CallOptions options) {
  return std::unique_ptr<PlacementStream>(
      new PlacementStream(std::make_unique<PlacementStream::State>(
          connection_, options, connection_->placement(),
          &v1::PlacementService::StubInterface::StreamPlacements)));
}

std::unique_ptr<HeartbeatStream> Client::StreamHeartbeats(CallOptions options) {
  return std::unique_ptr<HeartbeatStream>(
      new HeartbeatStream(std::make_unique<HeartbeatStream::State>(
          connection_, options, connection_->fleet(),
          &v1::FleetService::StubInterface::StreamHeartbeats)));
}

}  // namespace eldr::client

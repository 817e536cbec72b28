// The three bidirectional streams, typed: one request in, one reply out.
#ifndef ELDR_CLIENT_STREAM_H_
#define ELDR_CLIENT_STREAM_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eldr/v1/fleet.pb.h"
#include "eldr/v1/placement.pb.h"

namespace eldr::client {

class Client;

// What a stream carries: requests and responses of the unary call, in numbered envelopes.
struct SignatureRpc {
  using Request = v1::PushSignatureRequest;
  using Response = v1::PushSignatureResponse;
};
struct PlacementRpc {
  using Request = v1::PlaceRequest;
  using Response = v1::PlaceResponse;
};
struct HeartbeatRpc {
  using Request = v1::HeartbeatRequest;
  using Response = v1::HeartbeatResponse;
};

// An open stream.
//
//   auto stream = client->StreamPlacements();
//   absl::StatusOr<uint64_t> id = stream->Send(request);
//   absl::StatusOr<std::optional<PlacementStream::Reply>> reply = stream->Receive();
//   if (reply.ok() && reply->has_value() && (*reply)->id == *id) Use((*reply)->result);
//
// One thread may send while another receives; two may not do the same at once. Whoever sends
// thousands of requests ahead must receive meanwhile, or both sides wait for buffer space.
// May outlive the client it came from. Destroying it cancels it.
template <typename Rpc>
class Stream {
 public:
  // What came of one request. The error of a refused request is in `result`; the stream goes on.
  struct Reply {
    // What Send() returned for it.
    uint64_t id = 0;
    absl::StatusOr<typename Rpc::Response> result;
  };

  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Sends a request and returns the number that its reply will carry: 1, 2, 3 and so on. Fails once
  // the stream has ended, with the stream's error if Receive() has seen it.
  absl::StatusOr<uint64_t> Send(const typename Rpc::Request& request);

  // Waits for the next reply. Nothing: the daemon answered all and ended the stream. An error: the
  // stream broke (UNAVAILABLE when the daemon shuts down); requests without a reply may or may not
  // have been carried out.
  absl::StatusOr<std::optional<Reply>> Receive();

  // Says that no more is sent. The daemon then ends the stream after its last reply.
  void CloseSend();

  // Closes the sending side, drops the replies not received yet and returns how the stream ended.
  absl::Status Finish();

  // Ends the stream at once, from any thread; a waiting Receive() returns CANCELLED.
  void Cancel();

 private:
  friend class Client;
  struct State;
  explicit Stream(std::unique_ptr<State> state);

  const std::unique_ptr<State> state_;
};

using SignatureStream = Stream<SignatureRpc>;
using PlacementStream = Stream<PlacementRpc>;
using HeartbeatStream = Stream<HeartbeatRpc>;

extern template class Stream<SignatureRpc>;
extern template class Stream<PlacementRpc>;
extern template class Stream<HeartbeatRpc>;

}  // namespace eldr::client

#endif  // ELDR_CLIENT_STREAM_H_

// The client of an ELDR daemon.
#ifndef ELDR_CLIENT_CLIENT_H_
#define ELDR_CLIENT_CLIENT_H_

#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "eldr/client/block_signatures.h"
#include "eldr/client/lease_keeper.h"
#include "eldr/client/node_reporter.h"
#include "eldr/client/options.h"
#include "eldr/client/signature_builder.h"
#include "eldr/client/step_recorder.h"
#include "eldr/client/stream.h"
#include "eldr/v1/fleet.pb.h"
#include "eldr/v1/history.pb.h"
#include "eldr/v1/models.pb.h"
#include "eldr/v1/placement.pb.h"

namespace eldr::client {

// What the daemon says of itself, by the gRPC health protocol.
enum class Health {
  kUnknown,     // it cannot tell
  kServing,     // alive, or ready, whichever was asked
  kNotServing,  // e.g. not ready because it shuts down
};

// One method for each call of the three services; the .proto files say what they mean.
//
//   auto client = eldr::client::Client::Create({.target = "127.0.0.1:9002"});
//   if (!client.ok()) return client.status();
//   eldr::v1::PlaceRequest request;
//   request.set_model("mixtral");
//   request.set_request_id("r-17");
//   absl::StatusOr<eldr::v1::PlaceResponse> placed = (*client)->Place(request);
//
// Calls block until the answer, an error or the timeout. UNAVAILABLE is retried as RetryOptions
// say, for calls that are safe to repeat. Errors carry the daemon's code and message; those that
// never reached it are UNAVAILABLE and DEADLINE_EXCEEDED.
//
// Thread-safe: share one among all threads, it has one connection. Create() does not connect; the
// first call does.
class Client {
 public:
  // INVALID_ARGUMENT if an option is out of its range or a file of TLS cannot be read,
  // UNAUTHENTICATED if the token file cannot.
  static absl::StatusOr<std::unique_ptr<Client>> Create(Options options);
  // Waits until the releases are sent that destroyed keepers have left to it, as long as two calls
  // may take at most.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The lists below bring all pages, as if they were one, unless the request has a page_size or a
  // page_token: then they bring that page, and next_page_token tells of more.

  // Models.
  absl::StatusOr<v1::DeclareModelResponse> DeclareModel(const v1::DeclareModelRequest& request,
                                                        CallOptions options = {});
  absl::StatusOr<v1::ListModelsResponse> ListModels(const v1::ListModelsRequest& request,
                                                    CallOptions options = {});
  absl::StatusOr<v1::DescribeModelResponse> DescribeModel(const v1::DescribeModelRequest& request,
                                                          CallOptions options = {});

  // What the daemon did in the last hour.
  absl::StatusOr<v1::GetHistoryResponse> GetHistory(const v1::GetHistoryRequest& request,
                                                    CallOptions options = {});

  // Fleet. A heartbeat with steps is not retried: the daemon would count the steps twice.
  absl::StatusOr<v1::RegisterNodeResponse> RegisterNode(const v1::RegisterNodeRequest& request,
                                                        CallOptions options = {});
  absl::StatusOr<v1::HeartbeatResponse> Heartbeat(const v1::HeartbeatRequest& request,
                                                  CallOptions options = {});
  absl::StatusOr<v1::DrainNodeResponse> DrainNode(const v1::DrainNodeRequest& request,
                                                  CallOptions options = {});
  absl::StatusOr<v1::UndrainNodeResponse> UndrainNode(const v1::UndrainNodeRequest& request,
                                                      CallOptions options = {});
  absl::StatusOr<v1::RemoveNodeResponse> RemoveNode(const v1::RemoveNodeRequest& request,
                                                    CallOptions options = {});
  absl::StatusOr<v1::ListNodesResponse> ListNodes(const v1::ListNodesRequest& request,
                                                  CallOptions options = {});
  absl::StatusOr<v1::GetResidencyResponse> GetResidency(const v1::GetResidencyRequest& request,
                                                        CallOptions options = {});

  // Placement. A push with `append` and without `append_at` is not retried, for the same reason.
  // A retried release may answer NOT_HELD where the first attempt released but its answer was lost.
  absl::StatusOr<v1::PushSignatureResponse> PushSignature(const v1::PushSignatureRequest& request,
                                                          CallOptions options = {});
  absl::StatusOr<v1::UpdateBlocksResponse> UpdateBlocks(const v1::UpdateBlocksRequest& request,
                                                        CallOptions options = {});
  absl::StatusOr<v1::PlaceResponse> Place(const v1::PlaceRequest& request,
                                          CallOptions options = {});
  absl::StatusOr<v1::RenewLeaseResponse> RenewLease(const v1::RenewLeaseRequest& request,
                                                    CallOptions options = {});
  absl::StatusOr<v1::RenewLeasesResponse> RenewLeases(const v1::RenewLeasesRequest& request,
                                                      CallOptions options = {});
  absl::StatusOr<v1::ReleaseLeaseResponse> ReleaseLease(const v1::ReleaseLeaseRequest& request,
                                                        CallOptions options = {});
  absl::StatusOr<v1::ReleaseLeasesResponse> ReleaseLeases(const v1::ReleaseLeasesRequest& request,
                                                          CallOptions options = {});
  absl::StatusOr<v1::ExplainPlacementResponse> ExplainPlacement(
      const v1::ExplainPlacementRequest& request, CallOptions options = {});

  // Calls `on_placement` for each placement as it is made, until it answers false: then OK. Errors
  // end it, a lost daemon among them. Without a timeout it goes on for ever; never retried.
  absl::Status WatchPlacements(
      const v1::WatchPlacementsRequest& request,
      absl::FunctionRef<bool(const v1::WatchPlacementsResponse&)> on_placement,
      CallOptions options = {});

  // Streams. Opening one never fails; what is wrong shows at the first Receive(). Never retried.
  std::unique_ptr<SignatureStream> StreamSignatures(CallOptions options = {});
  std::unique_ptr<PlacementStream> StreamPlacements(CallOptions options = {});
  std::unique_ptr<HeartbeatStream> StreamHeartbeats(CallOptions options = {});

  // Renews the lease of a placement until the keeper is released or destroyed.
  LeaseKeeper KeepLease(const v1::PlaceRequest& request, const v1::PlaceResponse& response);

  // Asks for the daemon's health: of "" (the whole), "liveness" or "readiness". NOT_FOUND if it
  // knows no such name.
  absl::StatusOr<Health> CheckHealth(absl::string_view service = "", CallOptions options = {});

 private:
  explicit Client(std::shared_ptr<internal::Connection> connection);

  // Shared with the keepers, which may outlive the client.
  const std::shared_ptr<internal::Connection> connection_;
};

}  // namespace eldr::client

#endif  // ELDR_CLIENT_CLIENT_H_

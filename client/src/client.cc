#include "eldr/client/client.h"

#include <algorithm>
#include <utility>

#include "client/src/connection.h"
#include "client/src/grpc_status.h"
#include "client/src/health_check.h"
#include "client/src/proto_duration.h"

namespace eldr::client {
namespace {

using internal::Repeat;
using Models = v1::ModelService::StubInterface;
using History = v1::HistoryService::StubInterface;
using Fleet = v1::FleetService::StubInterface;
using Placement = v1::PlacementService::StubInterface;

// The shortest time to live that a daemon gives.
constexpr absl::Duration kMinLeaseTtl = absl::Seconds(1);

// One page if the request asks for one, else all of them as if they were one, within one timeout.
template <typename Response, typename Stub, typename Method, typename Request>
absl::StatusOr<Response> ListPages(internal::Connection& connection, Stub& stub, Method method,
                                   Request request, CallOptions options) {
  if (request.page_size() != 0 || !request.page_token().empty()) {
    return connection.Call(stub, method, request, options);
  }
  const absl::Duration deadline = connection.Now() + connection.TimeoutOf(options);
  Response all;
  for (;;) {
    options.timeout = deadline - connection.Now();
    if (options.timeout <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError("the timeout passed between two pages");
    }
    const absl::StatusOr<Response> page = connection.Call(stub, method, request, options);
    if (!page.ok()) return page.status();
    all.MergeFrom(*page);  // adds the elements
    all.clear_next_page_token();
    if (page->next_page_token().empty()) return all;
    if (page->next_page_token() == request.page_token()) {
      return absl::InternalError("next_page_token: got that of the page before, expected another");
    }
    request.set_page_token(page->next_page_token());
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Create(Options options) {
  auto connection = internal::Connection::Create(std::move(options));
  if (!connection.ok()) return connection.status();
  return std::unique_ptr<Client>(new Client(*std::move(connection)));
}

Client::Client(std::shared_ptr<internal::Connection> connection)
    : connection_(std::move(connection)) {}

Client::~Client() { connection_->renewal_thread().Flush(); }

// The calls differ in their names and in what is safe to repeat, and in nothing else.
#define ELDR_CLIENT_CALL(Service, stub, Method, repeat)                                        \
  absl::StatusOr<v1::Method##Response> Client::Method(const v1::Method##Request& request,      \
                                                      CallOptions options) {                   \
    return connection_->Call(connection_->stub(), &Service::Method, request, options, repeat); \
  }

ELDR_CLIENT_CALL(Models, models, DeclareModel, Repeat::kSafe)
ELDR_CLIENT_CALL(Models, models, DescribeModel, Repeat::kSafe)

ELDR_CLIENT_CALL(Fleet, fleet, RegisterNode, Repeat::kSafe)
ELDR_CLIENT_CALL(Fleet, fleet, Heartbeat, request.steps().empty() ? Repeat::kSafe : Repeat::kNever)
ELDR_CLIENT_CALL(Fleet, fleet, DrainNode, Repeat::kSafe)
ELDR_CLIENT_CALL(Fleet, fleet, UndrainNode, Repeat::kSafe)
ELDR_CLIENT_CALL(Fleet, fleet, RemoveNode, Repeat::kSafe)
ELDR_CLIENT_CALL(Fleet, fleet, GetResidency, Repeat::kSafe)

ELDR_CLIENT_CALL(Placement, placement, PushSignature,
                 request.append() && !request.has_append_at() ? Repeat::kNever : Repeat::kSafe)
ELDR_CLIENT_CALL(Placement, placement, UpdateBlocks, Repeat::kSafe)
ELDR_CLIENT_CALL(Placement, placement, Place, Repeat::kSafe)
ELDR_CLIENT_CALL(Placement, placement, RenewLease, Repeat::kSafe)
ELDR_CLIENT_CALL(Placement, placement, RenewLeases, Repeat::kSafe)
ELDR_CLIENT_CALL(Placement, placement, ReleaseLease, Repeat::kSafe)
ELDR_CLIENT_CALL(Placement, placement, ReleaseLeases, Repeat::kSafe)
ELDR_CLIENT_CALL(Placement, placement, ExplainPlacement, Repeat::kSafe)
ELDR_CLIENT_CALL(History, history, GetHistory, Repeat::kSafe)

#undef ELDR_CLIENT_CALL

absl::StatusOr<v1::ListModelsResponse> Client::ListModels(const v1::ListModelsRequest& request,
                                                          CallOptions options) {
  return ListPages<v1::ListModelsResponse>(*connection_, connection_->models(), &Models::ListModels,
                                           request, options);
}

absl::StatusOr<v1::ListNodesResponse> Client::ListNodes(const v1::ListNodesRequest& request,
                                                        CallOptions options) {
  return ListPages<v1::ListNodesResponse>(*connection_, connection_->fleet(), &Fleet::ListNodes,
                                          request, options);
}

absl::Status Client::WatchPlacements(
    const v1::WatchPlacementsRequest& request,
    absl::FunctionRef<bool(const v1::WatchPlacementsResponse&)> on_placement, CallOptions options) {
  grpc::ClientContext context;
  connection_->PrepareStream(options, context);
  const auto reader = connection_->placement().WatchPlacements(&context, request);
  v1::WatchPlacementsResponse placement;
  bool wanted = true;
  while (wanted && reader->Read(&placement)) wanted = on_placement(placement);
  if (!wanted) context.TryCancel();
  const grpc::Status status = reader->Finish();
  return wanted ? connection_->Judge(status) : absl::OkStatus();
}

LeaseKeeper Client::KeepLease(const v1::PlaceRequest& request, const v1::PlaceResponse& response) {
  v1::LeaseKey key;
  key.set_model(request.model());
  key.set_request_id(request.request_id());
  key.set_lease_id(response.lease_id());
  const absl::Duration ttl = internal::FromProto(response.lease_ttl());
  return LeaseKeeper(connection_, std::move(key), std::max(ttl, kMinLeaseTtl));
}

absl::StatusOr<Health> Client::CheckHealth(absl::string_view service, CallOptions options) {
  return internal::CheckHealth(*connection_, service, options);
}

}  // namespace eldr::client

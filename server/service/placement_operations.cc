#include "server/service/placement_operations.h"

#include <optional>
#include <utility>

#include "core/base/status_macros.h"
#include "server/base/status_to_grpc.h"
#include "server/convert/placement_convert.h"
#include "server/convert/proto_convert.h"
#include "server/record/event_log.h"
#include "server/record/signature_capture.h"
#include "server/service/placement_feed.h"

namespace eldr {
namespace {

void LogPlacement(ServiceContext& context, const PlacementQuery& query,
                  const absl::StatusOr<Placement>& placement) {
  if (placement.ok()) {
    context.log.Info("placed", {{"model", query.model},
                                {"request", query.request_id},
                                {"node", placement->node.node_id},
                                {"lease", placement->lease_id},
                                {"reason", Name(placement->reason)},
                                {"signature", Name(placement->signature_quality)},
                                {"trace", query.trace_id}});
  } else {
    context.log.Info("not_placed", {{"model", query.model},
                                    {"request", query.request_id},
                                    {"outcome", OutcomeName(placement.status().code())},
                                    {"message", placement.status().message()},
                                    {"trace", query.trace_id}});
  }
}

void CountPlacement(ModelMetrics& metrics, const PlacementQuery& query,
                    const absl::StatusOr<Placement>& placement) {
  if (!placement.ok()) {
    metrics.OnNotPlaced(placement.status().code());
    return;
  }
  metrics.OnPlaced(*placement);
  if (query.signature.has_value()) {
    metrics.OnSignature(*query.signature, SignatureOutcome::kInline);
  }
}

// The counts that a push brought itself; none if it brought blocks only, or could not be read.
SignatureData SignatureOf(const absl::StatusOr<SignaturePush>& push) {
  return push.ok() && push->signature ? *push->signature : SignatureData{};
}

// Records the signature of a push or a query, if signatures are recorded and it stands for itself:
// beside blocks it is only that of the tokens outside of them, which tells little of the prompt.
template <typename Request>
void Capture(ServiceContext& context, const Request& request, bool append) {
  if (context.capture == nullptr || !request.has_signature() || request.has_blocks()) return;
  context.capture->OnSignature(request.model(), request.request_id(), append, request.signature());
}

}  // namespace

absl::Status PushSignature(ServiceContext& context, const v1::PushSignatureRequest& request,
                           v1::PushSignatureResponse* response) {
  ModelMetrics* const metrics = context.metrics.FindModel(request.model());
  absl::StatusOr<SignaturePush> push = FromProto(request);
  const absl::StatusOr<PushResult> result =
      push.ok() ? context.router.PushSignature(*push) : push.status();
  // Blocks of which nothing is known bring no signature; core counts them.
  const bool brought = !result.ok() || result->quality != SignatureQuality::kMissing;
  if (metrics != nullptr && brought) {
    SignatureOutcome outcome = SignatureOutcome::kRefused;
    if (result.ok()) {
      outcome = result->updated_lease ? SignatureOutcome::kUpdatedLease : SignatureOutcome::kStored;
    }
    metrics->OnSignature(SignatureOf(push), outcome);
  }
  if (!result.ok()) return result.status();
  if (context.event_log != nullptr) context.event_log->OnPushed(request);
  Capture(context, request, request.append());
  ToProto(*result, response);
  return absl::OkStatus();
}

absl::Status UpdateBlocks(ServiceContext& context, const v1::UpdateBlocksRequest& request,
                          v1::UpdateBlocksResponse* response) {
  BlockUpdate update;
  ELDR_ASSIGN_OR_RETURN(update, FromProto(request));
  BlockUpdateResult result;
  ELDR_ASSIGN_OR_RETURN(result, context.router.UpdateBlocks(update));
  ToProto(result, response);
  return absl::OkStatus();
}

absl::Status Place(ServiceContext& context, const v1::PlaceRequest& request,
                   absl::string_view trace_id, v1::PlaceResponse* response) {
  ModelMetrics* const metrics = context.metrics.FindModel(request.model());
  absl::StatusOr<PlacementQuery> query = FromProto(request);
  if (!query.ok()) {
    if (metrics != nullptr) metrics->OnNotPlaced(query.status().code());
    return query.status();
  }
  query->trace_id = trace_id;
  const MonotonicTime start = context.clock.Monotonic();
  const absl::StatusOr<Placement> placement = context.router.Place(*query);
  if (metrics != nullptr) {
    metrics->OnDecision(context.clock.Monotonic() - start);
    CountPlacement(*metrics, *query, placement);
  }
  if (context.log_requests) LogPlacement(context, *query, placement);
  if (!placement.ok()) return placement.status();
  context.feed.Publish(query->model, query->request_id, *placement);
  if (context.event_log != nullptr) context.event_log->OnPlaced(request, *placement, trace_id);
  Capture(context, request, /*append=*/false);
  ToProto(*placement, response);
  return absl::OkStatus();
}

absl::Status RenewLease(ServiceContext& context, const v1::RenewLeaseRequest& request,
                        v1::RenewLeaseResponse* response) {
  std::optional<absl::Duration> ttl;
  ELDR_ASSIGN_OR_RETURN(ttl, LeaseTtlOf(request));
  RenewResult result;
  ELDR_ASSIGN_OR_RETURN(result, context.router.Renew(FromProto(request.lease()), ttl));
  response->set_outcome(ToProto(result.outcome));
  if (result.outcome == LeaseOutcome::kDone) {
    ToProto(result.lease_ttl, response->mutable_lease_ttl());
  }
  return absl::OkStatus();
}

absl::Status RenewLeases(ServiceContext& context, const v1::RenewLeasesRequest& request,
                         v1::RenewLeasesResponse* response) {
  ELDR_RETURN_IF_ERROR(CheckBatch("renewals", request.renewals_size()));
  response->mutable_results()->Reserve(request.renewals_size());
  v1::RenewLeaseResponse renewed;
  for (const v1::RenewLeaseRequest& renewal : request.renewals()) {
    v1::LeaseResult* const result = response->add_results();
    const absl::Status status = RenewLease(context, renewal, &renewed);
    if (status.ok()) {
      result->set_outcome(renewed.outcome());
    } else {
      ToProto(status, result->mutable_error());
    }
  }
  return absl::OkStatus();
}

absl::Status ReleaseLease(ServiceContext& context, const v1::ReleaseLeaseRequest& request,
                          v1::ReleaseLeaseResponse* response) {
  LeaseRelease release;
  ELDR_ASSIGN_OR_RETURN(release, FromProto(request));
  LeaseOutcome outcome;
  ELDR_ASSIGN_OR_RETURN(outcome, context.router.Release(release));
  // Of a lease that ended already, too: an engine and a frontend that both release may do so in any
  // order, and it is the engine that knows the counts.
  if (context.capture != nullptr && request.has_decode_counts() &&
      outcome != LeaseOutcome::kStale) {
    context.capture->OnDecodeCounts(release.lease.model, release.lease.request_id,
                                    request.decode_counts());
  }
  response->set_outcome(ToProto(outcome));
  return absl::OkStatus();
}

absl::Status ReleaseLeases(ServiceContext& context, const v1::ReleaseLeasesRequest& request,
                           v1::ReleaseLeasesResponse* response) {
  ELDR_RETURN_IF_ERROR(CheckBatch("releases", request.releases_size()));
  response->mutable_results()->Reserve(request.releases_size());
  v1::ReleaseLeaseResponse released;
  for (const v1::ReleaseLeaseRequest& release : request.releases()) {
    v1::LeaseResult* const result = response->add_results();
    const absl::Status status = ReleaseLease(context, release, &released);
    if (status.ok()) {
      result->set_outcome(released.outcome());
    } else {
      ToProto(status, result->mutable_error());
    }
  }
  return absl::OkStatus();
}

absl::Status ExplainPlacement(ServiceContext& context, const v1::ExplainPlacementRequest& request,
                              v1::ExplainPlacementResponse* response) {
  Explanation explanation;
  ELDR_ASSIGN_OR_RETURN(explanation, context.router.Explain(request.model(), request.request_id()));
  ToProto(explanation, response);
  return absl::OkStatus();
}

}  // namespace eldr

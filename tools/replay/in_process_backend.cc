#include "tools/replay/in_process_backend.h"

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace eldr::replay {

absl::StatusOr<std::unique_ptr<InProcessBackend>> InProcessBackend::Create(
    const Router::Options& options, const ModelSpec& model) {
  auto backend = absl::WrapUnique(new InProcessBackend(model.name));
  ELDR_ASSIGN_OR_RETURN(backend->router_,
                        Router::Create(options, backend->clock_, backend->observer_));
  ELDR_RETURN_IF_ERROR(backend->router_->DeclareModel(model).status());
  return backend;
}

absl::Status InProcessBackend::RegisterNode(MonotonicTime now, const NodeSpec& node) {
  clock_.AdvanceTo(now);
  NodeSpec spec = node;
  spec.model = model_;
  return router_->RegisterNode(spec).status();
}

absl::Status InProcessBackend::PushSignature(MonotonicTime now, absl::string_view request_id,
                                             const SignatureData& signature) {
  clock_.AdvanceTo(now);
  SignaturePush push;
  push.model = model_;
  push.request_id = request_id;
  push.signature = signature;
  return router_->PushSignature(push).status();
}

absl::StatusOr<std::optional<std::string>> InProcessBackend::Place(MonotonicTime now,
                                                                   const PlaceQuery& query) {
  clock_.AdvanceTo(now);
  PlacementQuery placement_query;
  placement_query.model = model_;
  placement_query.request_id = query.request_id;
  placement_query.context_tokens = query.context_tokens;
  placement_query.max_output_tokens = query.max_output_tokens;
  placement_query.allow_nodes = query.allow_nodes;
  placement_query.exclude_nodes = query.exclude_nodes;
  const absl::StatusOr<Placement> placed = router_->Place(placement_query);
  RunBackgroundJobs();
  if (absl::IsResourceExhausted(placed.status()) || absl::IsUnavailable(placed.status())) {
    return std::nullopt;
  }
  ELDR_RETURN_IF_ERROR(placed.status());
  return std::string(placed->node.node_id);
}

absl::Status InProcessBackend::Heartbeat(MonotonicTime now, const NodeReport& report) {
  clock_.AdvanceTo(now);
  ELDR_RETURN_IF_ERROR(router_->Heartbeat(report).status());
  RunBackgroundJobs();
  return absl::OkStatus();
}

absl::Status InProcessBackend::DrainNode(MonotonicTime now, absl::string_view node_id) {
  clock_.AdvanceTo(now);
  return router_->DrainNode(node_id).status();
}

absl::Status InProcessBackend::UndrainNode(MonotonicTime now, absl::string_view node_id) {
  clock_.AdvanceTo(now);
  return router_->UndrainNode(node_id).status();
}

absl::Status InProcessBackend::RemoveNode(MonotonicTime now, absl::string_view node_id) {
  clock_.AdvanceTo(now);
  return router_->RemoveNode(node_id).status();
}

void InProcessBackend::RunBackgroundJobs() {
  for (BackgroundJob& job : router_->TakeBackgroundJobs()) {
    job.Run();
    job.Publish();
  }
}

absl::Status InProcessBackend::Release(MonotonicTime now, absl::string_view request_id,
                                       std::uint64_t output_tokens) {
  clock_.AdvanceTo(now);
  LeaseRelease release;
  release.lease.model = model_;
  release.lease.request_id = request_id;
  release.output_tokens = output_tokens;
  ELDR_ASSIGN_OR_RETURN(const LeaseOutcome outcome, router_->Release(release));
  if (outcome == LeaseOutcome::kDone) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("release \"", request_id, "\": the router answered ",
                                          Name(outcome), ", expected ", Name(LeaseOutcome::kDone)));
}

}  // namespace eldr::replay

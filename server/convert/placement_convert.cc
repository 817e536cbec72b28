#include "server/convert/placement_convert.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/convert/proto_convert.h"

namespace eldr {

v1::PlacementReason ToProto(PlacementReason reason) {
  switch (reason) {
    case PlacementReason::kPolicy:
      return v1::PLACEMENT_REASON_POLICY;
    case PlacementReason::kExistingLease:
      return v1::PLACEMENT_REASON_EXISTING_LEASE;
    case PlacementReason::kMoved:
      return v1::PLACEMENT_REASON_MOVED;
    case PlacementReason::kPanicMode:
      return v1::PLACEMENT_REASON_PANIC_MODE;
    case PlacementReason::kKvPressure:
      return v1::PLACEMENT_REASON_KV_PRESSURE;
  }
  return v1::PLACEMENT_REASON_UNSPECIFIED;
}

namespace {

constexpr absl::Duration kMaxSignatureWait = absl::Milliseconds(50);

v1::SignatureQuality QualityToProto(SignatureQuality quality) {
  switch (quality) {
    case SignatureQuality::kFull:
      return v1::SIGNATURE_QUALITY_FULL;
    case SignatureQuality::kPartial:
      return v1::SIGNATURE_QUALITY_PARTIAL;
    case SignatureQuality::kMissing:
      return v1::SIGNATURE_QUALITY_MISSING;
  }
  return v1::SIGNATURE_QUALITY_UNSPECIFIED;
}

v1::LoadBasis BasisToProto(LoadBasis basis) {
  return basis == LoadBasis::kReported ? v1::LOAD_BASIS_REPORTED : v1::LOAD_BASIS_OWN_COUNT;
}

v1::IneligibleReason IneligibleToProto(Ineligible reason) {
  switch (reason) {
    case Ineligible::kJoining:
      return v1::INELIGIBLE_REASON_JOINING;
    case Ineligible::kDraining:
      return v1::INELIGIBLE_REASON_DRAINING;
    case Ineligible::kLost:
      return v1::INELIGIBLE_REASON_LOST;
    case Ineligible::kCapacity:
      return v1::INELIGIBLE_REASON_CAPACITY;
    case Ineligible::kKvCapacity:
      return v1::INELIGIBLE_REASON_KV_CAPACITY;
    case Ineligible::kKvUsage:
      return v1::INELIGIBLE_REASON_KV_USAGE;
    case Ineligible::kQuery:
      return v1::INELIGIBLE_REASON_QUERY;
  }
  return v1::INELIGIBLE_REASON_UNSPECIFIED;
}

void NodeToProto(const PlacedNode& node, v1::PlacedNode* proto) {
  proto->set_node_id(node.node_id.data(), node.node_id.size());
  proto->set_address(node.address.data(), node.address.size());
  if (node.dp_rank.has_value()) proto->set_dp_rank(*node.dp_rank);
}

PromptBlocks BlocksFromProto(const v1::PromptBlocks& blocks) {
  return {.hashes = {blocks.hashes().begin(), blocks.hashes().end()},
          .prompt_tokens = blocks.prompt_tokens()};
}

void ReceiptToProto(const Receipt& receipt, v1::ExplainPlacementResponse* proto) {
  ToProto(receipt.place_time, proto->mutable_place_time());
  proto->set_node_id(receipt.node_id);
  proto->set_lease_id(receipt.lease_id);
  proto->set_policy(std::string(receipt.policy));
  proto->set_reason(ToProto(receipt.reason));
  proto->set_signature_quality(QualityToProto(receipt.signature_quality));
  proto->set_signature_coverage(receipt.signature_coverage);
  proto->set_load_basis(BasisToProto(receipt.load_basis));
  if (receipt.signature_age.has_value()) {
    ToProto(*receipt.signature_age, proto->mutable_signature_age());
  }
  for (const ReceiptCandidate& candidate : receipt.candidates) {
    v1::CandidateScore* const score = proto->add_candidates();
    score->set_node_id(candidate.node_id);
    score->set_load(candidate.load);
    score->set_expected_experts(candidate.expected_experts);
    score->set_marginal_experts(candidate.marginal_experts);
    ToProto(candidate.predicted_step_time, score->mutable_predicted_step_time());
    score->set_cost(candidate.cost);
    score->set_avoided(candidate.avoided);
    ToProto(candidate.step_time, score->mutable_step_time());
  }
  proto->set_candidate_count(receipt.candidate_count);
  for (std::size_t reason = 0; reason < receipt.ineligible.size(); ++reason) {
    if (receipt.ineligible[reason] == 0) continue;
    v1::IneligibleCount* const count = proto->add_ineligible();
    count->set_reason(IneligibleToProto(static_cast<Ineligible>(reason)));
    count->set_nodes(receipt.ineligible[reason]);
  }
  proto->set_prefill_worker(receipt.prefill_worker);
  proto->set_trace_id(receipt.trace_id);
  if (receipt.shadow.has_value()) {
    v1::ShadowDecision* const shadow = proto->mutable_shadow();
    shadow->set_policy(std::string(receipt.shadow->policy));
    shadow->set_node_id(receipt.shadow->node_id);
    shadow->set_cost_difference(receipt.shadow->cost - receipt.shadow->made_cost);
  }
}

}  // namespace

absl::StatusOr<SignaturePush> FromProto(const v1::PushSignatureRequest& request) {
  SignaturePush push{.model = request.model(),
                     .request_id = request.request_id(),
                     .prefill_worker = request.prefill_worker(),
                     .signature = std::nullopt,
                     .append = request.append(),
                     .append_at = std::nullopt,
                     .blocks = std::nullopt};
  if (request.has_signature()) {
    ELDR_ASSIGN_OR_RETURN(push.signature, FromProto(request.signature(), "signature"));
  }
  if (request.has_append_at()) push.append_at = request.append_at();
  if (request.has_blocks()) push.blocks = BlocksFromProto(request.blocks());
  return push;
}

absl::StatusOr<BlockUpdate> FromProto(const v1::UpdateBlocksRequest& request) {
  ELDR_RETURN_IF_ERROR(CheckBatch("removed", request.removed_size()));
  ELDR_RETURN_IF_ERROR(CheckBatch("stored", request.stored_size()));
  BlockUpdate update{.model = request.model(),
                     .prefill_worker = request.prefill_worker(),
                     .cleared = request.cleared(),
                     .removed = FromProto(request.removed()),
                     .stored = {}};
  update.stored.reserve(static_cast<std::size_t>(request.stored_size()));
  for (const v1::SignatureBlock& block : request.stored()) {
    const auto field = absl::StrCat("stored[", update.stored.size(), "].signature");
    if (!block.has_signature()) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, ": got none, expected an ExpertSignature"));
    }
    SignatureData signature;
    ELDR_ASSIGN_OR_RETURN(signature, FromProto(block.signature(), field));
    update.stored.push_back({block.hash(), signature});
  }
  return update;
}

absl::StatusOr<PlacementQuery> FromProto(const v1::PlaceRequest& request) {
  PlacementQuery query;
  query.model = request.model();
  query.request_id = request.request_id();
  if (request.has_signature()) {
    ELDR_ASSIGN_OR_RETURN(query.signature, FromProto(request.signature(), "signature"));
  }
  if (request.has_blocks()) query.blocks = BlocksFromProto(request.blocks());
  query.prefill_worker = request.prefill_worker();
  query.sequences = request.sequences() == 0 ? 1 : request.sequences();
  query.context_tokens = request.context_tokens();
  query.max_output_tokens = request.max_output_tokens();
  query.prefer_nodes = FromProto(request.prefer_nodes());
  query.allow_nodes = FromProto(request.allow_nodes());
  query.exclude_nodes = FromProto(request.exclude_nodes());
  if (request.has_lease_ttl()) {
    ELDR_ASSIGN_OR_RETURN(query.lease_ttl, FromProto(request.lease_ttl(), "lease_ttl"));
  }
  return query;
}

LeaseKey FromProto(const v1::LeaseKey& key) {
  return {.model = key.model(), .request_id = key.request_id(), .lease_id = key.lease_id()};
}

absl::StatusOr<LeaseRelease> FromProto(const v1::ReleaseLeaseRequest& request) {
  LeaseRelease release{.lease = FromProto(request.lease()),
                       .output_tokens = std::nullopt,
                       .decode_counts = std::nullopt};
  if (request.has_output_tokens()) release.output_tokens = request.output_tokens();
  if (request.has_decode_counts()) {
    ELDR_ASSIGN_OR_RETURN(release.decode_counts,
                          FromProto(request.decode_counts(), "decode_counts"));
  }
  return release;
}

absl::StatusOr<absl::Duration> SignatureWaitOf(const v1::PlaceRequest& request) {
  if (!request.has_signature_wait()) return absl::ZeroDuration();
  absl::Duration wait;
  ELDR_ASSIGN_OR_RETURN(wait, FromProto(request.signature_wait(), "signature_wait"));
  if (wait < absl::ZeroDuration() || wait > kMaxSignatureWait) {
    return absl::InvalidArgumentError(
        absl::StrCat("signature_wait: got ", absl::FormatDuration(wait), ", expected 0 to 50ms"));
  }
  return request.has_signature() || request.has_blocks() ? absl::ZeroDuration() : wait;
}

absl::StatusOr<std::optional<absl::Duration>> LeaseTtlOf(const v1::RenewLeaseRequest& request) {
  std::optional<absl::Duration> ttl;
  if (request.has_lease_ttl()) {
    ELDR_ASSIGN_OR_RETURN(ttl, FromProto(request.lease_ttl(), "lease_ttl"));
  }
  return ttl;
}

void ToProto(const PushResult& result, v1::PushSignatureResponse* proto) {
  proto->set_tokens(result.tokens);
  proto->set_quality(QualityToProto(result.quality));
  proto->set_updated_lease(result.updated_lease);
}

void ToProto(const BlockUpdateResult& result, v1::UpdateBlocksResponse* proto) {
  proto->set_blocks(result.blocks);
  proto->set_bytes(result.bytes);
  proto->set_evicted(result.evicted);
}

void ToProto(const Placement& placement, v1::PlaceResponse* proto) {
  NodeToProto(placement.node, proto->mutable_node());
  proto->set_lease_id(placement.lease_id);
  ToProto(placement.lease_ttl, proto->mutable_lease_ttl());
  proto->set_policy(placement.policy.data(), placement.policy.size());
  proto->set_reason(ToProto(placement.reason));
  proto->set_signature_quality(QualityToProto(placement.signature_quality));
  proto->set_signature_coverage(placement.signature_coverage);
  proto->set_load_basis(BasisToProto(placement.load_basis));
  for (const PlacedNode& fallback : placement.fallbacks) {
    NodeToProto(fallback, proto->add_fallbacks());
  }
  proto->set_marginal_experts(placement.marginal_experts);
  ToProto(placement.predicted_step_time, proto->mutable_predicted_step_time());
}

void ToProto(const Explanation& explanation, v1::ExplainPlacementResponse* proto) {
  ReceiptToProto(explanation.receipt, proto);
  proto->mutable_parameters()->insert(explanation.parameters.begin(), explanation.parameters.end());
  proto->set_lease_held(explanation.lease_held);
}

v1::LeaseOutcome ToProto(LeaseOutcome outcome) {
  switch (outcome) {
    case LeaseOutcome::kDone:
      return v1::LEASE_OUTCOME_DONE;
    case LeaseOutcome::kNotHeld:
      return v1::LEASE_OUTCOME_NOT_HELD;
    case LeaseOutcome::kStale:
      return v1::LEASE_OUTCOME_STALE;
  }
  return v1::LEASE_OUTCOME_UNSPECIFIED;
}

}  // namespace eldr

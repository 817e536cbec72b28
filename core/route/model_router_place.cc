// Placement: ModelRouter's decision and reservation.
#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/books/lease_fields.h"
#include "core/route/model_router.h"
#include "core/route/placement_receipt.h"

namespace eldr {
namespace {

constexpr std::uint32_t kMaxSequences = 1024;
constexpr std::uint64_t kMaxTokens = 1'000'000'000;

absl::Status ValidateQuery(const PlacementQuery& query) {
  ELDR_RETURN_IF_ERROR(ValidateRequestId(query.request_id));
  ELDR_RETURN_IF_ERROR(ValidatePrefillWorker(query.prefill_worker, query.blocks ? 1 : 0));
  ELDR_RETURN_IF_ERROR(ValidateLeaseTtl(query.lease_ttl));
  const auto check = [](absl::string_view field, std::uint64_t value, std::uint64_t least,
                        std::uint64_t most) {
    if (value >= least && value <= most) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": got ", value, ", expected ", least, " to ", most));
  };
  ELDR_RETURN_IF_ERROR(check("sequences", query.sequences, 1, kMaxSequences));
  ELDR_RETURN_IF_ERROR(check("context_tokens", query.context_tokens, 0, kMaxTokens));
  return check("max_output_tokens", query.max_output_tokens, 0, kMaxTokens);
}

PlacedNode ToPlacedNode(const DecodeNode& node) {
  const NodeContact& contact = *node.contact;
  return {contact.node_id, contact.address, contact.dp_rank, node.contact};
}

}  // namespace

absl::StatusOr<Placement> ModelRouter::Place(const PlacementQuery& query) {
  ELDR_RETURN_IF_ERROR(ValidateQuery(query));
  ELDR_ASSIGN_OR_RETURN(std::optional<ExpertSignature> in_query,
                        reader_.Read(query.signature, query.blocks, query.prefill_worker));
  const absl::Cleanup give_back = [&] {
    if (in_query) reader_.GiveBack(*std::move(in_query));
  };
  const Demand demand = {query.sequences, query.context_tokens,
                         query.context_tokens + query.sequences * query.max_output_tokens};
  MutexLock lock(mutex_);
  const MonotonicTime now = Advance();
  const Lease* const held = book_.FindLease(query.request_id);
  const QueryMarks marks(book_.fleet(), query);
  if (held != nullptr && marks.Permits(*held->node)) {
    return RenewHeld(*held, query, in_query, now);
  }
  if (held == nullptr) ELDR_RETURN_IF_ERROR(book_.CheckLeaseLimit());

  const Intake::Knowledge knowledge = intake_.Know(
      query.request_id, in_query ? &*in_query : nullptr, query.prefill_worker, held, now);
  const ExpertSignature* const signature = knowledge.known.counts;
  std::vector<std::uint8_t>& codes = std::get<LeaseStarted>(start_.what).codes;
  if (signature == nullptr && held != nullptr) {
    const auto held_codes = book_.fleet().ContributionOf(*held);
    codes.assign(held_codes.begin(), held_codes.end());  // all that is left of what was known
  } else {
    EstimateContribution(signature, prior_, spec_.geometry, spec_.settings.estimate,
                         absl::MakeSpan(codes));
  }
  FindEligible(book_.fleet(), marks, demand, book_.detector(), options_.max_kv_usage, now,
               eligibility_);
  if (eligibility_.candidates.empty()) {
    ELDR_RETURN_IF_ERROR(CheckEverFits(book_.fleet(), marks, demand));
    return NoCandidateError(spec_.name, eligibility_);
  }
  TellPolicies();
  if (shadow_) shadow_->TakeCandidates(eligibility_.candidates);
  seat_.Decide(signature, now, demand, codes, eligibility_.candidates);
  std::optional<ShadowDecision> shadow;
  if (shadow_) {
    shadow = shadow_->Decide(signature, now, demand, codes, eligibility_.candidates.front());
  }

  PlacementReason reason = PlacementReason::kPolicy;
  if (held != nullptr) {
    reason = PlacementReason::kMoved;
  } else if (book_.detector().panic()) {
    reason = PlacementReason::kPanicMode;
  } else if (eligibility_.kv_usage_waived) {
    reason = PlacementReason::kKvPressure;
  }
  const std::vector<Candidate>& candidates = eligibility_.candidates;
  const bool learns = signature != nullptr && !(held != nullptr && held->learned);
  ELDR_ASSIGN_OR_RETURN(const Lease* const placed, Reserve(query, demand, knowledge, held, now));
  const Lease& lease = *placed;
  Placement placement = Answer(lease, knowledge, reason, now);
  placement.shadow = std::move(shadow);
  placement.marginal_experts = candidates.front().marginal_experts;
  placement.predicted_step_time = absl::Seconds(candidates.front().step_time_with);
  if (seat_.policy().evaluates()) {
    double sum = 0;
    for (const Candidate& candidate : candidates) sum += candidate.marginal_experts;
    placement.mean_marginal_experts = sum / static_cast<double>(candidates.size());
  }
  for (std::size_t i = 1; i < std::min(candidates.size(), 1 + kMaxFallbacks); ++i) {
    placement.fallbacks.push_back(ToPlacedNode(*candidates[i].node));
  }
  if (Receipt* const receipt = receipts_.Next()) {
    FillReceipt(query, placement, lease, knowledge, eligibility_, clock_.Wall(), *receipt);
    receipts_.Commit();
  }
  if (learns) prior_.Learn(*signature);
  if (in_query && signature != &*in_query) {
    reader_.GiveBack(*std::exchange(in_query, std::nullopt));
  }
  TellDropped(0, intake_.Placed(lease, query.prefill_worker, in_query, now));
  return placement;
}

Placement ModelRouter::RenewHeld(const Lease& held, const PlacementQuery& query,
                                 std::optional<ExpertSignature>& in_query, MonotonicTime now) {
  keeper_.Renew(held, query.lease_ttl.value_or(held.ttl), now);
  if (in_query && Replaces(*in_query, intake_.Known(held.request_id, &held))) {
    UpdateLease(held, *in_query, held.appended, now);
    TellDropped(0, intake_.Placed(held, query.prefill_worker, in_query, now));
  }
  const Intake::Knowledge knowledge = {KnownOf(nullptr, &held), held.signature_coverage,
                                       std::nullopt, ""};
  Placement placement = Answer(held, knowledge, PlacementReason::kExistingLease, now);
  UpdateBatches(book_.fleet(), book_.detector(), now);
  const ExpertGroup& group = *held.node->group;
  placement.predicted_step_time = absl::Seconds(group.step_time.Predict(
      group.residency.expected_experts(), group.batch, static_cast<double>(group.context_tokens)));
  return placement;
}

void ModelRouter::StartLease(absl::string_view request_id, const DecodeNode& node,
                             const Intake::Knowledge& knowledge, absl::Duration ttl,
                             LeaseOrigin origin) {
  LeaseStarted& started = std::get<LeaseStarted>(start_.what);
  started.origin = origin;
  LeaseRecord& lease = started.lease;
  lease.id = next_lease_id_.fetch_add(1, std::memory_order_relaxed);
  lease.request_id.assign(request_id.data(), request_id.size());
  lease.node_id = node.spec.node_id;
  lease.sequences = 1;
  lease.context_tokens = 0;
  lease.kv_tokens = 0;
  lease.quality = knowledge.known.quality;
  lease.signature_coverage = knowledge.coverage;
  lease.signature_tokens = knowledge.known.tokens;
  lease.whole_prompt = knowledge.known.whole_prompt;
  lease.appended = knowledge.known.appended;
  lease.learned = knowledge.known.counts != nullptr;
  lease.ttl = ttl;
}

absl::StatusOr<const Lease*> ModelRouter::Reserve(const PlacementQuery& query, const Demand& demand,
                                                  const Intake::Knowledge& knowledge,
                                                  const Lease* held, MonotonicTime now) {
  const DecodeNode& node = *eligibility_.candidates.front().node;
  StartLease(query.request_id, node, knowledge, query.lease_ttl.value_or(options_.lease_ttl),
             held == nullptr ? LeaseOrigin::kPlaced : LeaseOrigin::kMoved);
  LeaseRecord& lease = std::get<LeaseStarted>(start_.what).lease;
  lease.sequences = demand.sequences;
  lease.context_tokens = demand.context_tokens;
  lease.kv_tokens = demand.kv_tokens;
  if (held != nullptr && held->learned) lease.learned = true;
  ELDR_ASSIGN_OR_RETURN(const Applied applied, keeper_.Commit(start_, now));
  return applied.lease;
}

Placement ModelRouter::Answer(const Lease& lease, const Intake::Knowledge& knowledge,
                              PlacementReason reason, MonotonicTime now) const {
  const DecodeNode& node = *lease.node;
  Placement placement;
  placement.node = ToPlacedNode(node);
  placement.lease_id = lease.id;
  placement.lease_ttl = lease.ttl;
  placement.policy = seat_.policy().name();
  placement.reason = reason;
  placement.signature_quality = knowledge.known.quality;
  placement.signature_coverage = knowledge.coverage;
  placement.load_basis =
      book_.detector().ReportIsFresh(node, now) ? LoadBasis::kReported : LoadBasis::kOwnCount;
  placement.signature_age = knowledge.age;
  return placement;
}

}  // namespace eldr

#include "server/metrics/metrics.h"

#include <variant>

#include "absl/hash/hash.h"
#include "core/base/limit_exceeded.h"
#include "server/base/status_to_grpc.h"
#include "server/metrics/metric_families.h"

namespace eldr {
namespace {

// By Call.
constexpr absl::string_view kCallNames[kCalls] = {
    "PushSignature", "StreamSignatures", "Place",         "StreamPlacements", "RenewLease",
    "RenewLeases",   "ReleaseLease",     "ReleaseLeases", "ExplainPlacement", "RegisterNode",
    "Heartbeat",     "StreamHeartbeats", "DrainNode",     "UndrainNode",      "RemoveNode",
    "ListNodes",     "GetResidency",     "DeclareModel",  "ListModels",       "DescribeModel",
    "UpdateBlocks",  "WatchPlacements",  "GetHistory",
};
// By SignatureEncoding and by SignatureOutcome.
constexpr absl::string_view kEncodingNames[kSignatureEncodings] = {"uint8", "uint16", "uint32",
                                                                   "sparse", "none"};
// Every limit that refuses a call: a series each from the start, so that its rate can be watched.
constexpr absl::string_view kLimitNames[] = {
    "models",         "nodes_per_model", "leases_per_model", "node_capacity",
    "calls",          "streams",         "streams_per_peer", "waits",
    "waits_per_peer", "wait_bytes",      "answer_bytes",     "queue_wait",
};
constexpr absl::string_view kOutcomeNames[kSignatureOutcomes] = {"stored", "updated_lease",
                                                                 "inline", "refused"};

std::size_t Index(auto enumerator) { return static_cast<std::size_t>(enumerator); }

std::string Text(absl::string_view text) { return std::string(text); }

}  // namespace

absl::string_view Name(Call call) { return kCallNames[Index(call)]; }

SignatureEncoding EncodingOf(const SignatureData& signature) {
  if (const auto* dense = std::get_if<SignatureData::Dense>(&signature.counts)) {
    switch (dense->width) {
      case CountWidth::k8:
        return SignatureEncoding::kUint8;
      case CountWidth::k16:
        return SignatureEncoding::kUint16;
      case CountWidth::k32:
        return SignatureEncoding::kUint32;
    }
  }
  return std::holds_alternative<SignatureData::Sparse>(signature.counts)
             ? SignatureEncoding::kSparse
             : SignatureEncoding::kNone;
}

std::size_t EncodedBytes(const SignatureData& signature) {
  if (const auto* dense = std::get_if<SignatureData::Dense>(&signature.counts)) {
    return dense->bytes.size();
  }
  if (const auto* sparse = std::get_if<SignatureData::Sparse>(&signature.counts)) {
    return sizeof(std::uint32_t) * (sparse->cells.size() + sparse->counts.size());
  }
  return 0;
}

ModelMetrics::ModelMetrics(Families& families, const std::string& model, const std::string& policy)
    : model_(model), policy_(policy), families_(families) {
  for (std::size_t reason = 0; reason < kReasons; ++reason) {
    placed_[reason] =
        &families.placements.Add({{"model", model},
                                  {"policy", policy},
                                  {"outcome", "ok"},
                                  {"reason", Text(Name(static_cast<PlacementReason>(reason)))}});
  }
  for (std::size_t quality = 0; quality < kQualities; ++quality) {
    for (std::size_t basis = 0; basis < kBases; ++basis) {
      basis_[quality][basis] = &families.placement_basis.Add(
          {{"model", model},
           {"signature_quality", Text(Name(static_cast<SignatureQuality>(quality)))},
           {"load_basis", Text(Name(static_cast<LoadBasis>(basis)))}});
    }
  }
  for (std::size_t encoding = 0; encoding < kSignatureEncodings; ++encoding) {
    for (std::size_t outcome = 0; outcome < kSignatureOutcomes; ++outcome) {
      signatures_[encoding][outcome] =
          &families.signatures.Add({{"model", model},
                                    {"encoding", Text(kEncodingNames[encoding])},
                                    {"outcome", Text(kOutcomeNames[outcome])}});
    }
  }
  for (std::size_t end = 0; end < kLeaseEnds; ++end) {
    leases_ended_[end] = &families.leases_ended.Add(
        {{"model", model}, {"end", Text(Name(static_cast<LeaseEnd>(end)))}});
  }
  marginal_experts_ = &families.marginal_experts.Add({{"model", model}});
  candidate_marginal_experts_ = &families.candidate_marginal_experts.Add({{"model", model}});
  decision_ = &families.decision_seconds.Add({{"model", model}}, Families::LatencyBuckets());
  signature_age_ = &families.signature_age_seconds.Add({{"model", model}}, Families::AgeBuckets());
  signature_bytes_ = &families.signature_bytes.Add({{"model", model}}, Families::SizeBuckets());
  const auto reconciled = [&](const char* outcome) {
    return &families.reconciled.Add({{"model", model}, {"outcome", outcome}});
  };
  adopted_ = reconciled("adopted");
  conflicts_ = reconciled("conflict");
  not_adopted_ = reconciled("not_adopted");
  dropped_expired_ = &families.signatures_dropped.Add({{"model", model}, {"cause", "expired"}});
  dropped_evicted_ = &families.signatures_dropped.Add({{"model", model}, {"cause", "evicted"}});
}

void ModelMetrics::OnPlaced(const Placement& placement) {
  placed_[Index(placement.reason)]->Increment();
  // A repeated query decides nothing anew.
  if (placement.reason == PlacementReason::kExistingLease) return;
  basis_[Index(placement.signature_quality)][Index(placement.load_basis)]->Increment();
  if (placement.signature_age.has_value()) {
    signature_age_->Observe(absl::ToDoubleSeconds(*placement.signature_age));
  }
  if (placement.shadow.has_value()) CountShadow(*placement.shadow, placement.node.node_id);
  // Both or none, so that their ratio compares the same placements.
  if (placement.mean_marginal_experts.has_value()) {
    marginal_experts_->Increment(placement.marginal_experts);
    candidate_marginal_experts_->Increment(*placement.mean_marginal_experts);
    compared_.fetch_add(1, std::memory_order_relaxed);
  }
}

void ModelMetrics::CountShadow(const ShadowDecision& shadow, absl::string_view made) {
  // Looked up: only models with a shadow have these series.
  families_.shadow_decisions
      .Add({{"model", model_},
            {"policy", Text(shadow.policy)},
            {"agrees", shadow.node_id == made ? "true" : "false"}})
      .Increment();
  families_.shadow_cost.Add({{"model", model_}, {"choice", "made"}}).Increment(shadow.made_cost);
  families_.shadow_cost.Add({{"model", model_}, {"choice", "shadow"}}).Increment(shadow.cost);
}

void ModelMetrics::OnNotPlaced(absl::StatusCode code) {
  not_placed_.fetch_add(1, std::memory_order_relaxed);
  families_.placements
      .Add({{"model", model_},
            {"policy", policy_},
            {"outcome", Text(OutcomeName(code))},
            {"reason", "none"}})
      .Increment();
}

void ModelMetrics::OnSignature(const SignatureData& signature, SignatureOutcome outcome) {
  const SignatureEncoding encoding = EncodingOf(signature);
  signatures_[Index(encoding)][Index(outcome)]->Increment();
  if (outcome != SignatureOutcome::kRefused && encoding != SignatureEncoding::kNone) {
    signature_bytes_->Observe(static_cast<double>(EncodedBytes(signature)));
  }
}

void ModelMetrics::OnSignaturesDropped(std::size_t expired, std::size_t evicted) {
  if (expired > 0) dropped_expired_->Increment(static_cast<double>(expired));
  if (evicted > 0) dropped_evicted_->Increment(static_cast<double>(evicted));
}

Metrics::Metrics(prometheus::Registry& registry, std::size_t max_models)
    : families_(std::make_unique<Families>(registry)),
      calls_in_flight_(&families_->calls_in_flight.Add({})),
      watch_missed_(&families_->watch_missed.Add({})),
      slots_(4 * max_models) {
  for (std::size_t call = 0; call < kCalls; ++call) {
    const std::string name = Text(kCallNames[call]);
    calls_[call] = {
        &families_->calls.Add({{"call", name}, {"outcome", "ok"}}),
        &families_->call_seconds.Add({{"call", name}}, Families::LatencyBuckets()),
    };
  }
  for (const absl::string_view limit : kLimitNames) {
    families_->limit_exceeded.Add({{"limit", Text(limit)}});
  }
}

Metrics::~Metrics() = default;

std::size_t Metrics::SlotOf(absl::string_view model) const {
  std::size_t slot = absl::Hash<absl::string_view>()(model) % slots_.size();
  while (true) {
    const ModelMetrics* const found = slots_[slot].load(std::memory_order_acquire);
    if (found == nullptr || found->model() == model) return slot;
    slot = (slot + 1) % slots_.size();
  }
}

void Metrics::AddModel(const std::string& model, const std::string& policy) {
  MutexLock lock(mutex_);
  const std::size_t slot = SlotOf(model);
  if (slots_[slot].load(std::memory_order_relaxed) != nullptr) return;
  if (models_.size() == slots_.size() / 4) return;  // served without series
  models_.push_back(std::make_unique<ModelMetrics>(*families_, model, policy));
  slots_[slot].store(models_.back().get(), std::memory_order_release);
}

ModelMetrics* Metrics::FindModel(absl::string_view model) const {
  return slots_[SlotOf(model)].load(std::memory_order_acquire);
}

void Metrics::SetCallsInFlight(std::int64_t calls) {
  calls_in_flight_->Set(static_cast<double>(calls));
}

void Metrics::OnCall(Call call, const absl::Status& status, absl::Duration took) {
  const CallMetrics& metrics = calls_[Index(call)];
  metrics.seconds->Observe(absl::ToDoubleSeconds(took));
  if (status.ok()) {
    metrics.ok->Increment();
    return;
  }
  if (const std::string limit = LimitOf(status); !limit.empty()) {
    families_->limit_exceeded.Add({{"limit", limit}}).Increment();
    refused_.fetch_add(1, std::memory_order_relaxed);
  }
  // Looked up, because a series for each code of each call would be mostly zeros.
  families_->calls
      .Add({{"call", Text(kCallNames[Index(call)])}, {"outcome", Text(OutcomeName(status.code()))}})
      .Increment();
}

}  // namespace eldr

#include "core/route/model_router.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/stable_hash.h"
#include "core/base/status_macros.h"
#include "core/policy/policy_factory.h"
#include "core/route/router_ranges.h"

namespace eldr {
namespace {

std::optional<ShadowSeat> MakeShadow(const ModelSpec& spec, const ActivationPrior& prior,
                                     std::uint64_t seed) {
  std::unique_ptr<Policy> policy = MakeShadowPolicy(spec.settings, spec.geometry);
  if (policy == nullptr) return std::nullopt;
  return std::optional<ShadowSeat>(std::in_place, std::move(policy), spec.geometry.cells(), prior,
                                   StableHash(spec.name + "/shadow", seed), spec.settings.w);
}

}  // namespace

Book::Options BookOptions(const ModelSpec& spec, const Router::Options& options) {
  return {.model = spec.name,
          .geometry = spec.geometry,
          .step_time = spec.settings.step_time,
          .silence = {options.node_timeout, options.panic_threshold,
                      options.max_panic_timeouts * options.node_timeout},
          .forget_lost_after = options.forget_lost_after,
          .max_nodes = options.max_nodes_per_model,
          .max_leases = options.max_leases_per_model};
}

ModelRouter::ModelRouter(ModelSpec spec, const Router::Options& options, const Clock& clock,
                         RouterObserver& observer, std::atomic<std::uint64_t>& next_lease_id)
    : spec_(std::move(spec)),
      options_(options),
      clock_(clock),
      observer_(observer),
      next_lease_id_(next_lease_id),
      reader_(spec_.geometry, options.block_store_bytes),
      prior_(spec_.geometry),
      seat_(MakePolicy(spec_.settings, spec_.geometry), spec_.geometry.cells(), prior_,
            StableHash(spec_.name, options.seed)),
      shadow_(MakeShadow(spec_, prior_, options.seed)),
      intake_(spec_.geometry, options.signature_ttl, options.signature_store_bytes),
      keeper_(BookOptions(spec_, options), intake_, observer),
      book_(keeper_.book()),
      receipts_(options.receipts) {
  const std::vector<std::uint8_t> codes(spec_.geometry.cells());
  start_.what = LeaseStarted{.codes = codes};
  update_.what = LeaseUpdated{.codes = codes};
  report_.what = NodeReported{};
}

ModelDescription ModelRouter::Describe() const {
  const SignatureReader::Stored blocks = reader_.stored();
  ModelDescription description;
  description.stored_blocks = blocks.blocks;
  description.stored_block_bytes = blocks.bytes;
  description.blocks = blocks.counters;
  MutexLock lock(mutex_);
  description.spec = spec_;
  description.parameters = PolicyParameters(spec_.settings);
  for (const auto& node : book_.fleet().nodes()) {
    ++description.nodes;
    if (node->state == NodeState::kReady && !node->draining) ++description.ready_nodes;
  }
  description.leases = book_.leases().size();
  description.stored_signatures = intake_.stored();
  description.stored_signature_bytes = intake_.stored_bytes();
  description.learned_requests = prior_.learned_requests();
  description.decode_observations = decode_observations_;
  description.panic_mode = book_.detector().panic();
  description.fits = seat_.policy().fits();
  if (shadow_) description.shadow_fits = shadow_->policy().fits();
  return description;
}

absl::StatusOr<PushResult> ModelRouter::PushSignature(const SignaturePush& push) {
  ELDR_RETURN_IF_ERROR(ValidateRequestId(push.request_id));
  ELDR_RETURN_IF_ERROR(ValidatePrefillWorker(push.prefill_worker, push.blocks ? 1 : 0));
  if (!push.signature && !push.blocks) {
    return absl::InvalidArgumentError("signature: got none, expected an ExpertSignature");
  }
  if (push.append && push.blocks) {
    return absl::InvalidArgumentError("blocks: got some with append, expected either");
  }
  ELDR_ASSIGN_OR_RETURN(std::optional<ExpertSignature> chunk,
                        reader_.Read(push.signature, push.blocks, push.prefill_worker));
  PushResult result;
  std::vector<SignatureWaits::Callback> arrived;
  {
    MutexLock lock(mutex_);
    const MonotonicTime now = Advance();
    ELDR_ASSIGN_OR_RETURN(result, TakeIn(push, std::move(chunk), now));
    // Also if nothing is known: the worker has told all it can.
    arrived = intake_.TakeWaiting(push.request_id);
  }
  for (auto& callback : arrived) callback();
  return result;
}

absl::StatusOr<PushResult> ModelRouter::TakeIn(const SignaturePush& push,
                                               std::optional<ExpertSignature> chunk,
                                               MonotonicTime now) {
  const Lease* const lease = book_.FindLease(push.request_id);
  const KnownSignature known = intake_.Known(push.request_id, lease);
  if (!chunk) return PushResult{known.tokens, known.quality, lease != nullptr && known.tokens > 0};
  const std::uint32_t tokens = known.tokens > 0 ? known.tokens : chunk->tokens();
  ELDR_ASSIGN_OR_RETURN(std::optional<Intake::News> news,
                        intake_.Judge(push, *std::move(chunk), lease));
  if (!news) return PushResult{tokens, known.quality, lease != nullptr};
  const ExpertSignature& signature = news->signature;
  const PushResult result = {signature.tokens(), signature.quality(), lease != nullptr};
  if (lease != nullptr) UpdateLease(*lease, signature, news->appended, now);
  TellDropped(0, intake_.Keep(push.request_id, push.prefill_worker, *std::move(news), lease, now));
  return result;
}

void ModelRouter::UpdateLease(const Lease& lease, const ExpertSignature& signature, bool appended,
                              MonotonicTime now) {
  const bool learns = !lease.learned;
  LeaseUpdated& updated = std::get<LeaseUpdated>(update_.what);
  EstimateContribution(&signature, prior_, spec_.geometry, spec_.settings.estimate,
                       absl::MakeSpan(updated.codes));
  updated.lease = RecordOf(lease);
  updated.lease.quality = signature.quality();
  updated.lease.signature_coverage = signature.coverage();
  updated.lease.signature_tokens = signature.tokens();
  updated.lease.whole_prompt = signature.covers_prompt();
  updated.lease.appended = appended;
  updated.lease.learned = true;
  keeper_.Commit(update_, now).value();
  if (learns) prior_.Learn(signature);
}

void ModelRouter::TellDropped(std::size_t expired, std::size_t evicted) {
  if (expired + evicted > 0) observer_.OnSignaturesDropped(spec_.name, expired, evicted);
}

absl::StatusOr<RenewResult> ModelRouter::Renew(const LeaseKey& key,
                                               std::optional<absl::Duration> ttl) {
  ELDR_RETURN_IF_ERROR(ValidateRequestId(key.request_id));
  ELDR_RETURN_IF_ERROR(ValidateLeaseTtl(ttl));
  MutexLock lock(mutex_);
  const MonotonicTime now = Advance();
  const Lease* const lease = book_.FindLease(key.request_id);
  if (lease == nullptr) return RenewResult{LeaseOutcome::kNotHeld, absl::ZeroDuration()};
  if (key.lease_id != 0 && key.lease_id != lease->id) {
    return RenewResult{LeaseOutcome::kStale, absl::ZeroDuration()};
  }
  keeper_.Renew(*lease, ttl.value_or(lease->ttl), now);
  return RenewResult{LeaseOutcome::kDone, lease->ttl};
}

absl::StatusOr<LeaseOutcome> ModelRouter::Release(const LeaseRelease& release) {
  ELDR_RETURN_IF_ERROR(ValidateRequestId(release.lease.request_id));
  if (release.decode_counts) {
    ELDR_RETURN_IF_ERROR(
        ExpertSignature::Parse(*release.decode_counts, spec_.geometry, "decode_counts").status());
  }
  MutexLock lock(mutex_);
  const MonotonicTime now = Advance();
  const Lease* const lease = book_.FindLease(release.lease.request_id);
  if (lease == nullptr) {
    // The request will not be placed any more: what waits for that is of no use.
    if (release.lease.lease_id == 0) intake_.Forget(release.lease.request_id);
    return LeaseOutcome::kNotHeld;
  }
  if (release.lease.lease_id != 0 && release.lease.lease_id != lease->id) {
    return LeaseOutcome::kStale;
  }
  if (release.decode_counts) ++decode_observations_;
  keeper_.End(*lease, LeaseEnd::kReleased, now);
  return LeaseOutcome::kDone;
}

absl::StatusOr<Explanation> ModelRouter::Explain(absl::string_view request_id) const {
  ELDR_RETURN_IF_ERROR(ValidateRequestId(request_id));
  MutexLock lock(mutex_);
  const Receipt* receipt = receipts_.Find(request_id);
  if (receipt == nullptr) {
    return absl::NotFoundError(absl::StrCat("request_id: no placement of \"", request_id,
                                            "\" is among the last ", options_.receipts,
                                            " of model \"", spec_.name, "\""));
  }
  const Lease* const lease = book_.FindLease(request_id);
  return Explanation{*receipt, PolicyParameters(spec_.settings),
                     lease != nullptr && lease->id == receipt->lease_id};
}

std::uint64_t ModelRouter::VisitReceipts(std::uint64_t first, std::uint64_t last,
                                         ReceiptVisitor visit) const {
  MutexLock lock(mutex_);
  for (std::uint64_t at = std::min(last, receipts_.committed()); at >= first && at > 0; --at) {
    const Receipt* const receipt = receipts_.At(at);
    if (receipt == nullptr) break;  // nor is any before it
    const Lease* const lease = book_.FindLease(receipt->request_id);
    visit(at, *receipt, lease != nullptr && lease->id == receipt->lease_id);
  }
  return receipts_.committed();
}

std::uint64_t ModelRouter::AwaitSignature(absl::string_view request_id,
                                          absl::AnyInvocable<void()> on_arrival) {
  // The placement itself then says what is wrong, at once.
  if (!ValidateRequestId(request_id).ok()) return 0;
  MutexLock lock(mutex_);
  Advance();
  return intake_.Await(request_id, book_.FindLease(request_id), std::move(on_arrival));
}

bool ModelRouter::CancelWait(std::uint64_t wait_id) {
  MutexLock lock(mutex_);
  return intake_.CancelWait(wait_id);
}

bool ModelRouter::Step() {
  MutexLock lock(mutex_);
  Advance();
  return keeper_.has_backlog();
}

void ModelRouter::TakeBackgroundJobs(WorkLength length, std::vector<BackgroundJob>& jobs) {
  MutexLock lock(mutex_);
  TellPolicies();
  const auto take = [&](Policy& policy) {
    std::unique_ptr<BackgroundWork> work = policy.TakeWork(length);
    if (work == nullptr) return;
    jobs.emplace_back(std::move(work), [this, &policy](std::unique_ptr<BackgroundWork> done) {
      {
        MutexLock finish_lock(mutex_);
        policy.FinishWork(*done);
      }
      done.reset();  // with what the work replaced, which may be large
    });
  };
  take(seat_.policy());
  if (shadow_) take(shadow_->policy());
}

void ModelRouter::TellPolicies() {
  if (std::exchange(told_fleet_version_, book_.fleet_version()) == book_.fleet_version()) return;
  seat_.policy().OnFleetChange(book_.fleet().nodes());
  if (shadow_) shadow_->policy().OnFleetChange(book_.fleet().nodes());
}

MonotonicTime ModelRouter::Advance() {
  const MonotonicTime now = clock_.Monotonic();
  TellDropped(intake_.Expire(now), 0);
  keeper_.Advance(now);
  return now;
}

void ModelRouter::LetOthersIn() {
  // Without a pause this thread would have the lock again before those who wait for it wake up.
  std::this_thread::sleep_for(std::chrono::microseconds(200));
}

}  // namespace eldr

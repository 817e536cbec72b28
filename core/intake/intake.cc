#include "core/intake/intake.h"

#include <string>

#include "core/base/status_macros.h"

namespace eldr {

absl::StatusOr<std::optional<Intake::News>> Intake::Judge(const SignaturePush& push,
                                                          ExpertSignature chunk,
                                                          const Lease* lease) const {
  const KnownSignature known = Known(push.request_id, lease);
  if (!push.append) {
    if (!Replaces(chunk, known)) return std::nullopt;
    return News{std::move(chunk), known.appended};
  }
  ELDR_ASSIGN_OR_RETURN(const bool continues, Continues(chunk, push.append_at, known));
  if (!continues) return std::nullopt;
  if (known.counts == nullptr) return News{std::move(chunk), true};
  ExpertSignature sum = *known.counts;
  ELDR_RETURN_IF_ERROR(sum.Append(chunk, geometry_));
  return News{std::move(sum), true};
}

std::size_t Intake::Keep(absl::string_view request_id, absl::string_view prefill_worker, News news,
                         const Lease* lease, MonotonicTime now) {
  if (lease != nullptr && !MayGrow(news.signature, news.appended)) {
    store_.Erase(request_id);
    return 0;
  }
  return store_.Put({std::string(request_id), std::string(prefill_worker),
                     std::move(news.signature), now, news.appended});
}

std::size_t Intake::Placed(const Lease& lease, absl::string_view prefill_worker,
                           std::optional<ExpertSignature>& in_query, MonotonicTime now) {
  if (in_query && MayGrow(*in_query, lease.appended)) {
    return Keep(lease.request_id, prefill_worker,
                {*std::exchange(in_query, std::nullopt), lease.appended}, &lease, now);
  }
  const StoredSignature* const stored = store_.Find(lease.request_id);
  if (stored != nullptr && (in_query || !MayGrow(stored->signature, stored->appended))) {
    store_.Erase(lease.request_id);
  }
  return 0;
}

Intake::Knowledge Intake::Know(absl::string_view request_id, const ExpertSignature* in_query,
                               absl::string_view prefill_worker, const Lease* lease,
                               MonotonicTime now) const {
  const StoredSignature* const stored = store_.Find(request_id);
  const KnownSignature known = KnownOf(stored, lease);
  if (in_query != nullptr && Replaces(*in_query, known)) {
    const KnownSignature told = {in_query->quality(), in_query->tokens(), in_query->covers_prompt(),
                                 known.appended, in_query};
    return {told, in_query->coverage(), absl::ZeroDuration(), prefill_worker};
  }
  if (stored != nullptr) {
    return {known, stored->signature.coverage(), now - stored->pushed_at, stored->prefill_worker};
  }
  return {known, lease == nullptr ? 0 : lease->signature_coverage, std::nullopt, prefill_worker};
}

std::uint64_t Intake::Await(absl::string_view request_id, const Lease* lease,
                            SignatureWaits::Callback on_arrival) {
  if (store_.Find(request_id) != nullptr || lease != nullptr) return 0;
  return waits_.Add(request_id, std::move(on_arrival));
}

}  // namespace eldr

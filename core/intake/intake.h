// What is known of requests' signatures: what was pushed and waits, and what a lease remembers.
#ifndef ELDR_CORE_INTAKE_INTAKE_H_
#define ELDR_CORE_INTAKE_INTAKE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/fleet/lease.h"
#include "core/intake/known_signature.h"
#include "core/intake/push.h"
#include "core/intake/signature_waits.h"
#include "core/model/model_geometry.h"
#include "core/signature/expert_signature.h"
#include "core/signature/signature_store.h"

namespace eldr {

// Anything may come again, at any later moment: whether it tells anything new is decided here, by
// the rules of known_signature.h, and nowhere else. Not thread-safe. Leases are only read; `lease`
// is always the one that the request holds, or nullptr.
class Intake {
 public:
  Intake(const ModelGeometry& geometry, absl::Duration ttl, std::size_t max_bytes)
      : geometry_(geometry), store_(ttl, max_bytes) {}

  // A signature that counts from now on.
  struct News {
    ExpertSignature signature;
    bool appended = false;  // chunks of it have come
  };
  // What a push makes of what is known: none if what it tells is known already.
  // FAILED_PRECONDITION for a chunk that does not continue what is known. INVALID_ARGUMENT if its
  // counts and those before it do not make a sound signature. Changes nothing.
  absl::StatusOr<std::optional<News>> Judge(const SignaturePush& push, ExpertSignature chunk,
                                            const Lease* lease) const;
  // Stores a signature, but not that of a placed request to which nothing more can come. Answers
  // how many others had to go for the byte bound.
  std::size_t Keep(absl::string_view request_id, absl::string_view prefill_worker, News news,
                   const Lease* lease, MonotonicTime now);
  // The request is placed on `lease`, by what `in_query` brings if that is given: keeps of the two
  // signatures the one to which more can come. Takes `in_query` only then. Answers as Keep does.
  std::size_t Placed(const Lease& lease, absl::string_view prefill_worker,
                     std::optional<ExpertSignature>& in_query, MonotonicTime now);
  // The request is over.
  void Forget(absl::string_view request_id) { store_.Erase(request_id); }
  // Drops what is too old, and answers how many that were.
  std::size_t Expire(MonotonicTime now) { return store_.Expire(now); }

  // What a placement knows of the request's experts: `known.counts` is the signature that decides,
  // nullptr if it is missing or used up.
  struct Knowledge {
    KnownSignature known;
    double coverage = 0;
    std::optional<absl::Duration> age;  // since the last push; not set if there is no signature
    absl::string_view prefill_worker;
  };
  // `in_query` is what the query itself brings, or nullptr, from `prefill_worker`. Valid until the
  // next change.
  Knowledge Know(absl::string_view request_id, const ExpertSignature* in_query,
                 absl::string_view prefill_worker, const Lease* lease, MonotonicTime now) const;
  KnownSignature Known(absl::string_view request_id, const Lease* lease) const {
    return KnownOf(store_.Find(request_id), lease);
  }

  // Placements that wait for a signature. 0 if there is nothing to wait for.
  std::uint64_t Await(absl::string_view request_id, const Lease* lease,
                      SignatureWaits::Callback on_arrival);
  bool CancelWait(std::uint64_t id) { return waits_.Cancel(id); }
  // To be called without locks held.
  std::vector<SignatureWaits::Callback> TakeWaiting(absl::string_view request_id) {
    return waits_.Take(request_id);
  }

  std::size_t stored() const { return store_.size(); }
  std::size_t stored_bytes() const { return store_.bytes(); }

 private:
  const ModelGeometry geometry_;
  SignatureStore store_;
  SignatureWaits waits_;
};

}  // namespace eldr

#endif  // ELDR_CORE_INTAKE_INTAKE_H_

// What is known of a request's signature, and whether what arrives adds to it.
//
// Whoever sends a signature may send it again: the answer was lost, or a proxy repeats the call.
// The copy can arrive at any later moment: after the next chunk, after the placement. So everything
// that arrives is compared with what is known, and what tells nothing new changes nothing.
#ifndef ELDR_CORE_INTAKE_KNOWN_SIGNATURE_H_
#define ELDR_CORE_INTAKE_KNOWN_SIGNATURE_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "core/fleet/lease.h"
#include "core/signature/expert_signature.h"
#include "core/signature/signature_store.h"

namespace eldr {

// Kept by the lease for as long as the request is placed, so that a repeated push is recognised
// after its counts have been dropped.
struct KnownSignature {
  SignatureQuality quality = SignatureQuality::kMissing;
  std::uint32_t tokens = 0;   // covered; 0 if nothing is known
  bool whole_prompt = false;  // the prompt's length is known, and covered
  bool appended = false;      // chunks of it have come
  // nullptr if the counts are gone: the placement used them up, or they were too old.
  const ExpertSignature* counts = nullptr;
};

// What is known of a request that has a stored signature, a lease, both or neither.
KnownSignature KnownOf(const StoredSignature* stored, const Lease* lease);

// True if chunks may be appended to a signature, so that its counts are still needed once the
// request is placed.
bool MayGrow(const ExpertSignature& signature, bool appended);

// True if a signature that came whole, not as a chunk, is to replace what is known. False for one
// that covers less of the prompt: an early part that arrives late.
bool Replaces(const ExpertSignature& whole, const KnownSignature& known);

// True if a chunk continues what is known, false if it is part of it already. FAILED_PRECONDITION,
// naming append_at or append, if it is neither, or if the counts that it continues are gone.
absl::StatusOr<bool> Continues(const ExpertSignature& chunk, std::optional<std::uint32_t> append_at,
                               const KnownSignature& known);

}  // namespace eldr

#endif  // ELDR_CORE_INTAKE_KNOWN_SIGNATURE_H_

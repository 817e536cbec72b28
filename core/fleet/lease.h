// Leases: the reservations that placements make.
#ifndef ELDR_CORE_FLEET_LEASE_H_
#define ELDR_CORE_FLEET_LEASE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/signature/expert_signature.h"

namespace eldr {

struct DecodeNode;

// How a lease ended; every lease ends as exactly one of these.
enum class LeaseEnd : std::uint8_t {
  kReleased,          // the frontend released it
  kReportedFinished,  // its node reported the request finished
  kExpired,           // nobody renewed it within its time to live
  kMoved,             // its request was placed again, elsewhere
  kNodeLost,          // its node's heartbeats stopped
  kNodeRemoved,       // its node was removed, or replaced by a new incarnation
  kUnconfirmed,       // its node did not name it in a complete list
};
inline constexpr std::size_t kLeaseEnds = 7;
absl::string_view Name(LeaseEnd end);

// A live lease. Plain data under the lock of its model's router.
struct Lease {
  std::uint64_t id = 0;
  std::string request_id;
  DecodeNode* node = nullptr;
  std::uint32_t place_on_node = 0;  // in the node's list of leases
  std::size_t place_by_expiry = 0;  // in the heap of its table
  // What the request adds to the node's residency: a code per cell (core/residency/contribution.h),
  // times `multiplicity`. Subtracted as stored, never computed again. Empty in a restored lease
  // whose contribution is not there yet: the fleet's stand-in counts until then.
  std::vector<std::uint8_t> contribution;
  std::uint32_t multiplicity = 1;  // sequences * tokens_per_step of the node
  std::uint32_t sequences = 1;
  std::uint64_t context_tokens = 0;
  std::uint64_t kv_tokens = 0;  // context plus expected output
  SignatureQuality quality = SignatureQuality::kMissing;
  double signature_coverage = 0;       // share of the prompt's tokens, 0 to 1
  std::uint32_t signature_tokens = 0;  // that the signature covers; 0 if it is missing
  bool whole_prompt = false;           // the prompt's length is known, and covered
  bool appended = false;               // chunks of the signature have come
  bool learned = false;                // the prior has seen this request's signature
  absl::Duration ttl;
  MonotonicTime placed_at;
  MonotonicTime expires_at;
};

}  // namespace eldr

#endif  // ELDR_CORE_FLEET_LEASE_H_

// Which nodes may take a request, and why the others may not.
#ifndef ELDR_CORE_ROUTE_ELIGIBILITY_H_
#define ELDR_CORE_ROUTE_ELIGIBILITY_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/base/clock.h"
#include "core/books/room.h"
#include "core/fleet/failure_detector.h"
#include "core/fleet/fleet.h"
#include "core/policy/policy.h"
#include "core/route/placement.h"

namespace eldr {

struct Eligibility {
  std::vector<Candidate> candidates;  // in the order of their registration
  std::array<std::uint32_t, kIneligibleReasons> ineligible{};
  // Every node that was eligible otherwise reports too much KV usage, so that was waived.
  bool kv_usage_waived = false;
};

// Puts the query's allow, exclude and prefer lists onto the nodes while it lives. Unknown ids are
// ignored.
class QueryMarks {
 public:
  QueryMarks(const Fleet& fleet, const PlacementQuery& query);
  ~QueryMarks();
  QueryMarks(const QueryMarks&) = delete;
  QueryMarks& operator=(const QueryMarks&) = delete;

  // True unless the query excludes the node or does not allow it.
  bool Permits(const DecodeNode& node) const;
  static bool Prefers(const DecodeNode& node);

 private:
  absl::InlinedVector<DecodeNode*, 16> marked_;
  const bool allow_all_;
};

// Sets each group's batch: the sum of its nodes' loads.
void UpdateBatches(const Fleet& fleet, const FailureDetector& detector, MonotonicTime now);

// Fills `result`, whose buffers are used again; updates the batches.
void FindEligible(const Fleet& fleet, const QueryMarks& marks, const Demand& demand,
                  const FailureDetector& detector, double max_kv_usage, MonotonicTime now,
                  Eligibility& result);

// INVALID_ARGUMENT if the request is larger than each node that the query permits, in whatever
// state they are: it would never be placed, however long its frontend waits.
absl::Status CheckEverFits(const Fleet& fleet, const QueryMarks& marks, const Demand& demand);

// The error of a placement without candidates: RESOURCE_EXHAUSTED if nodes are merely full, else
// UNAVAILABLE, with the count of nodes by reason.
absl::Status NoCandidateError(absl::string_view model, const Eligibility& eligibility);

}  // namespace eldr

#endif  // ELDR_CORE_ROUTE_ELIGIBILITY_H_

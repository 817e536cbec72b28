// The receipt of a placement that was made.
#ifndef ELDR_CORE_ROUTE_PLACEMENT_RECEIPT_H_
#define ELDR_CORE_ROUTE_PLACEMENT_RECEIPT_H_

#include "absl/time/time.h"
#include "core/fleet/lease.h"
#include "core/intake/intake.h"
#include "core/route/eligibility.h"
#include "core/route/placement.h"
#include "core/route/receipt.h"

namespace eldr {

// Overwrites `receipt`, and uses its buffers again. `eligibility` has the candidates as they were
// ranked.
void FillReceipt(const PlacementQuery& query, const Placement& placement, const Lease& lease,
                 const Intake::Knowledge& knowledge, const Eligibility& eligibility,
                 absl::Time time, Receipt& receipt);

}  // namespace eldr

#endif  // ELDR_CORE_ROUTE_PLACEMENT_RECEIPT_H_

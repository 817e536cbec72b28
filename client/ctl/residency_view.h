// A residency as text.
#ifndef ELDR_CLIENT_CTL_RESIDENCY_VIEW_H_
#define ELDR_CLIENT_CTL_RESIDENCY_VIEW_H_

#include <cstddef>

#include "client/ctl/printer.h"
#include "eldr/v1/fleet.pb.h"

namespace eldr::ctl {

// Prints one line per layer: a cell per expert, or per run of experts where they outnumber `width`
// cells, darker the likelier a step activates them, then the layer's expected distinct experts.
// An answer whose size does not fit its own geometry is cut to what is there.
// With `colours` cells are blanks on one of 256 colours; dark is never, bright is always, also for
// those who see no red or no green.
// REQUIRES: width > 0.
void PrintHeatmap(const v1::GetResidencyResponse& residency, std::size_t width, bool colours,
                  Printer out);

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_RESIDENCY_VIEW_H_

// The demo: one unmodified daemon, one declared model per policy, the same real requests for each.
#ifndef ELDR_TOOLS_DEMO_DEMO_H_
#define ELDR_TOOLS_DEMO_DEMO_H_

#include "absl/status/status.h"
#include "tools/demo/demo_options.h"

namespace eldr::demo {

// Prints the table and how to look further to standard output, progress to standard error. The
// daemon has ended when it returns. CANCELLED if interrupted before the table.
absl::Status RunDemo(const DemoOptions& options);

}  // namespace eldr::demo

#endif  // ELDR_TOOLS_DEMO_DEMO_H_

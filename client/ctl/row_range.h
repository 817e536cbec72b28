// Which tokens of routed experts an option names.
#ifndef ELDR_CLIENT_CTL_ROW_RANGE_H_
#define ELDR_CLIENT_CTL_ROW_RANGE_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/engines/routed_experts.h"

namespace eldr::ctl {

using engines::RowRange;

// Reads "A:B", "A:" or ":B"; empty is all of them. INVALID_ARGUMENT for anything else. Whether
// there are so many rows is for the reader to say.
absl::StatusOr<RowRange> ParseRowRange(absl::string_view text);

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_ROW_RANGE_H_

// Which tokens of routed experts an option names.
#ifndef ELDR_CLIENT_CTL_ROW_RANGE_H_
#define ELDR_CLIENT_CTL_ROW_RANGE_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace eldr::ctl {

// From the first (0 if not given) to the one before the last (all if not given).
struct RowRange {
  uint64_t begin = 0;
  std::optional<uint64_t> end;
};

// Reads "A:B", "A:" or ":B"; empty is all of them. INVALID_ARGUMENT for anything else. Whether
// there are so many rows is for the reader to say.
absl::StatusOr<RowRange> ParseRowRange(absl::string_view text);

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_ROW_RANGE_H_

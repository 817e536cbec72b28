#include "client/ctl/row_range.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace eldr::ctl {

absl::StatusOr<RowRange> ParseRowRange(absl::string_view text) {
  RowRange range;
  if (text.empty()) return range;
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  uint64_t end = 0;
  if (parts.size() != 2 || (!parts[0].empty() && !absl::SimpleAtoi(parts[0], &range.begin)) ||
      (!parts[1].empty() && !absl::SimpleAtoi(parts[1], &end))) {
    return absl::InvalidArgumentError(absl::StrCat("--rows: \"", text, "\", expected A:B"));
  }
  if (!parts[1].empty()) range.end = end;
  return range;
}

}  // namespace eldr::ctl

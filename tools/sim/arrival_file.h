// Recorded arrivals, from a file.
#ifndef ELDR_TOOLS_SIM_ARRIVAL_FILE_H_
#define ELDR_TOOLS_SIM_ARRIVAL_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/sim/arrival_process.h"

namespace eldr::sim {

// Two forms, told apart by the file's name:
//   .jsonl  an object per line with timestamp (ms), input_length, output_length (Mooncake)
//   .csv    the columns TIMESTAMP, ContextTokens, GeneratedTokens (Azure)
// Other keys and columns are ignored. Sorted by time. INVALID_ARGUMENT, naming path and line, if a
// value is malformed, or if there are not two arrivals at different times.
absl::StatusOr<std::vector<RecordedArrival>> ReadArrivals(const std::string& path);

// The same from the text of a file.
absl::StatusOr<std::vector<RecordedArrival>> ParseMooncakeArrivals(absl::string_view text);
absl::StatusOr<std::vector<RecordedArrival>> ParseAzureArrivals(absl::string_view text);

}  // namespace eldr::sim

#endif  // ELDR_TOOLS_SIM_ARRIVAL_FILE_H_

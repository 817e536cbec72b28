// Reads the capture files that eldrd records (proto/eldr/storage/v1/capture.proto).
#ifndef ELDR_TOOLS_FIT_CAPTURE_FILE_H_
#define ELDR_TOOLS_FIT_CAPTURE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/fit/profile_fit.h"

namespace eldr::fit {

struct CaptureSelection {
  std::string model;              // empty: the one that the files hold
  std::size_t most_requests = 0;  // the newest; greater than 0
  std::uint32_t layers = 0;
  std::uint32_t experts = 0;
};

// True if the bytes start as a capture file does.
bool IsCaptureFile(absl::string_view bytes);

// What the files record of the newest requests, oldest first; the order of the files does not
// matter. Chunks are added up. Decode counts are used if at least half of those requests have them;
// then the others are left out. A record that ends early ends its file: the daemon may be writing
// it. Errors start with the path; INVALID_ARGUMENT for a file of another kind, a record of another
// geometry, several models of which none is selected, or none at all.
absl::StatusOr<FitInput> ReadCaptureFiles(const std::vector<std::string>& paths,
                                          const CaptureSelection& selection);

}  // namespace eldr::fit

#endif  // ELDR_TOOLS_FIT_CAPTURE_FILE_H_

// Captured requests, from files, in the form that a fit takes.
#ifndef ELDR_TOOLS_FIT_CAPTURE_READER_H_
#define ELDR_TOOLS_FIT_CAPTURE_READER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/fit/profile_fit.h"
#include "tools/replay/trace.h"

namespace eldr::fit {

// What the frames of a capture hold, little-endian.
enum class FrameValue : std::uint8_t {
  kInt16,    // counts
  kFloat32,  // gate probabilities
};

// Appends the vectors of a capture: frames of a uint32 (little-endian), which is the length of what
// follows, and layers * experts values. INVALID_ARGUMENT, naming the frame, if one has another
// length, ends early, or holds a negative or infinite value.
absl::Status AppendFrames(absl::string_view bytes, FrameValue value, std::uint32_t layers,
                          std::uint32_t experts, VectorSet& vectors);

// The files' frames one after the other; errors start with the path. INVALID_ARGUMENT if there is
// not one.
absl::StatusOr<VectorSet> ReadCaptures(const std::vector<std::string>& paths, FrameValue value,
                                       std::uint32_t layers, std::uint32_t experts);

// Signatures and decode counts of the requests of a trace that `chosen` names, in their order.
// REQUIRES: as many flags as requests.
FitInput InputFromTrace(const replay::Trace& trace, const std::vector<bool>& chosen);

}  // namespace eldr::fit

#endif  // ELDR_TOOLS_FIT_CAPTURE_READER_H_

#include "tools/fit/capture_reader.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "tools/fit/signature_counts.h"
#include "tools/replay/file_contents.h"

namespace eldr::fit {
namespace {

static_assert(std::endian::native == std::endian::little, "frames are read as they are");

template <typename Value>
absl::Status AppendFrame(absl::string_view bytes, std::size_t frame, VectorSet& vectors) {
  std::vector<float> vector(bytes.size() / sizeof(Value));
  for (std::size_t i = 0; i < vector.size(); ++i) {
    Value value;
    std::memcpy(&value, bytes.data() + i * sizeof(Value), sizeof(Value));
    vector[i] = static_cast<float>(value);
    if (!(std::isfinite(vector[i]) && vector[i] >= 0)) {
      return absl::InvalidArgumentError(absl::StrCat("frame ", frame, ", value ", i, ": got ",
                                                     vector[i],
                                                     ", expected a finite one of at least 0"));
    }
  }
  vectors.Add(vector);
  return absl::OkStatus();
}

void AddDecodeCounts(const replay::Trace& trace, const replay::TraceRequest& request,
                     VectorSet& vectors) {
  std::vector<float> counts(trace.geometry.cells());
  const std::size_t begin = request.first_decode_row();
  for (std::size_t row = begin; row < begin + request.decode_rows; ++row) {
    const absl::Span<const std::uint64_t> words = trace.rows.Row(row);
    for (std::size_t word = 0; word < words.size(); ++word) {
      for (std::uint64_t bits = words[word]; bits != 0; bits &= bits - 1) {
        ++counts[word * 64 + static_cast<std::size_t>(std::countr_zero(bits))];
      }
    }
  }
  vectors.Add(counts);
}

}  // namespace

absl::Status AppendFrames(absl::string_view bytes, FrameValue value, std::uint32_t layers,
                          std::uint32_t experts, VectorSet& vectors) {
  const std::size_t width = value == FrameValue::kInt16 ? 2 : 4;
  const std::size_t expected = std::size_t{layers} * experts * width;
  for (std::size_t frame = 0; !bytes.empty(); ++frame) {
    std::uint32_t length = 0;
    if (bytes.size() < sizeof(length)) {
      return absl::InvalidArgumentError(absl::StrCat("frame ", frame, ": ", bytes.size(),
                                                     " bytes are left, expected a length of 4"));
    }
    std::memcpy(&length, bytes.data(), sizeof(length));
    bytes.remove_prefix(sizeof(length));
    if (length != expected) {
      return absl::InvalidArgumentError(
          absl::StrCat("frame ", frame, ": got the length ", length, ", expected ", expected, " (",
                       layers, " layers x ", experts, " experts x ", width, " bytes)"));
    }
    if (bytes.size() < length) {
      return absl::InvalidArgumentError(absl::StrCat("frame ", frame, ": ends after ", bytes.size(),
                                                     " bytes, expected ", length));
    }
    const absl::string_view body = bytes.substr(0, length);
    ELDR_RETURN_IF_ERROR(value == FrameValue::kInt16
                             ? AppendFrame<std::int16_t>(body, frame, vectors)
                             : AppendFrame<float>(body, frame, vectors));
    bytes.remove_prefix(length);
  }
  return absl::OkStatus();
}

absl::StatusOr<VectorSet> ReadCaptures(const std::vector<std::string>& paths, FrameValue value,
                                       std::uint32_t layers, std::uint32_t experts) {
  VectorSet vectors;
  for (const std::string& path : paths) {
    ELDR_ASSIGN_OR_RETURN(const std::string bytes, replay::ReadFile(path));
    if (absl::Status status = AppendFrames(bytes, value, layers, experts, vectors); !status.ok()) {
      return replay::Annotate(status, path);
    }
  }
  if (vectors.empty()) return absl::InvalidArgumentError("captures: hold no frame");
  return vectors;
}

FitInput InputFromTrace(const replay::Trace& trace, const std::vector<bool>& chosen) {
  FitInput input;
  input.layers = trace.geometry.layers;
  input.experts = trace.geometry.experts;
  for (std::size_t i = 0; i < trace.requests.size(); ++i) {
    if (!chosen[i]) continue;
    std::vector<float> counts(trace.geometry.cells());
    // Of the trace's own geometry, so it fits.
    AddCounts(trace.Signature(trace.requests[i]), counts).IgnoreError();
    input.signatures.Add(counts);
    AddDecodeCounts(trace, trace.requests[i], input.decode_counts);
  }
  return input;
}

}  // namespace eldr::fit

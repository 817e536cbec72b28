#include "tools/replay/workload.h"

#include <algorithm>
#include <cmath>

#include "absl/memory/memory.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace eldr::replay {
namespace {

constexpr double kMaxOutputTokens = 1e6;

// Names of the random streams of a seed.
enum Stream : std::uint64_t { kGaps = 1, kChoices = 2, kLengths = 3 };

}  // namespace

absl::StatusOr<OutputLength> ParseOutputLength(absl::string_view text) {
  if (text == "trace") return OutputLength{OutputLength::Kind::kTrace, 0};
  OutputLength length;
  absl::string_view number = text;
  if (absl::ConsumePrefix(&number, "exp:")) length.kind = OutputLength::Kind::kExponential;
  std::uint32_t tokens = 0;
  if (!absl::SimpleAtoi(number, &tokens) || tokens < 1 || tokens > kMaxOutputTokens) {
    return absl::InvalidArgumentError(absl::StrCat(
        "output tokens \"", text,
        "\": expected a number of tokens, \"trace\" or \"exp:MEAN\", 1 to ", kMaxOutputTokens));
  }
  length.tokens = tokens;
  return length;
}

absl::StatusOr<std::unique_ptr<PoissonWorkload>> PoissonWorkload::Create(const Options& options,
                                                                         const Trace& trace) {
  if (!(options.requests_per_second > 0) || !std::isfinite(options.requests_per_second)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "requests_per_second ", options.requests_per_second, ": expected a number above 0"));
  }
  return absl::WrapUnique(new PoissonWorkload(options, trace));
}

PoissonWorkload::PoissonWorkload(const Options& options, const Trace& trace)
    : options_(options),
      trace_(trace),
      gaps_(options.seed, kGaps),
      choices_(options.seed, kChoices),
      lengths_(options.seed, kLengths) {}

Arrival PoissonWorkload::Next() {
  now_ += absl::Seconds(gaps_.Exponential() / options_.requests_per_second);
  Arrival arrival;
  arrival.time = now_;
  arrival.trace_request = choices_.Below(trace_.requests.size());
  arrival.output_tokens =
      DrawOutputTokens(options_.output, trace_.requests[arrival.trace_request], lengths_);
  return arrival;
}

std::uint32_t DrawOutputTokens(const OutputLength& length, const TraceRequest& request,
                               RandomStream& stream) {
  switch (length.kind) {
    case OutputLength::Kind::kTrace:
      return request.decode_rows;
    case OutputLength::Kind::kExponential: {
      // The tail is cut where it would no longer be a request but a different experiment.
      const double tokens = std::round(stream.Exponential() * length.tokens);
      return static_cast<std::uint32_t>(std::clamp(tokens, 1.0, 20 * kMaxOutputTokens));
    }
    case OutputLength::Kind::kFixed:
      break;
  }
  return static_cast<std::uint32_t>(length.tokens);
}

}  // namespace eldr::replay

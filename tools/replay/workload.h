// Who arrives when, and how much each generates.
#ifndef ELDR_TOOLS_REPLAY_WORKLOAD_H_
#define ELDR_TOOLS_REPLAY_WORKLOAD_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "tools/replay/random_stream.h"
#include "tools/replay/trace.h"

namespace eldr::replay {

// What becomes of a request's signature on its way to the router.
enum class SignatureFate : std::uint8_t { kInTime, kLate, kLost };

struct Arrival {
  MonotonicTime time;
  std::size_t trace_request = 0;  // index in Trace::requests
  std::uint32_t output_tokens = 0;
  // The decode row of its first token, counted from the request's first decode row.
  std::uint32_t first_decode_row = 0;
  std::uint64_t prompt_tokens = 0;  // 0: the signature's
  SignatureFate signature = SignatureFate::kInTime;
};

// Gives arrivals in the order of their time, without end. It knows nothing of where they are
// placed, so every policy sees the same.
class ArrivalSource {
 public:
  virtual ~ArrivalSource() = default;
  virtual Arrival Next() = 0;
};

// How many tokens a request generates.
struct OutputLength {
  enum class Kind : std::uint8_t {
    kFixed,        // `tokens`
    kTrace,        // as many as it has decode rows
    kExponential,  // drawn with mean `tokens`, at least 1
  };
  Kind kind = Kind::kFixed;
  double tokens = 256;
};

// "256", "trace" or "exp:256"; means are at most 1,000,000. INVALID_ARGUMENT otherwise.
absl::StatusOr<OutputLength> ParseOutputLength(absl::string_view text);

// At least 1.
std::uint32_t DrawOutputTokens(const OutputLength& length, const TraceRequest& request,
                               RandomStream& stream);

// Poisson arrivals of requests drawn from the trace, each with equal chance.
class PoissonWorkload final : public ArrivalSource {
 public:
  struct Options {
    double requests_per_second = 24;  // over all nodes; > 0
    OutputLength output;
    std::uint64_t seed = 1;
  };

  // INVALID_ARGUMENT if the rate is not a positive number. `trace` must outlive it.
  static absl::StatusOr<std::unique_ptr<PoissonWorkload>> Create(const Options& options,
                                                                 const Trace& trace);

  Arrival Next() override;

 private:
  PoissonWorkload(const Options& options, const Trace& trace);

  const Options options_;
  const Trace& trace_;
  RandomStream gaps_;
  RandomStream choices_;
  RandomStream lengths_;
  MonotonicTime now_;
};

}  // namespace eldr::replay

#endif  // ELDR_TOOLS_REPLAY_WORKLOAD_H_

// When requests arrive.
#ifndef ELDR_TOOLS_SIM_ARRIVAL_PROCESS_H_
#define ELDR_TOOLS_SIM_ARRIVAL_PROCESS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "tools/replay/random_stream.h"

namespace eldr::sim {

enum class ArrivalKind : std::uint8_t { kPoisson, kGamma, kFile };

// A request of a recorded service; 0 tokens: not told.
struct RecordedArrival {
  absl::Duration time;  // since the first of the record
  std::uint64_t prompt_tokens = 0;
  std::uint32_t output_tokens = 0;
};

class ArrivalProcess {
 public:
  virtual ~ArrivalProcess() = default;
  // The next arrival; times never go back.
  virtual RecordedArrival Next() = 0;
};

// Gaps from a gamma distribution with mean 1 / rate and the given coefficient of variation; 1 makes
// the arrivals Poisson. REQUIRES: both > 0.
std::unique_ptr<ArrivalProcess> MakeGammaProcess(double rate, double coefficient_of_variation,
                                                 std::uint64_t seed);

// The record from a place that the seed draws on, over and over, its time stretched so that `rate`
// requests arrive per second over all of it: its bursts and lulls stay. REQUIRES: rate > 0, a
// record of ReadArrivals. `record` must outlive it.
std::unique_ptr<ArrivalProcess> MakeRecordedProcess(const std::vector<RecordedArrival>& record,
                                                    double rate, std::uint64_t seed);

}  // namespace eldr::sim

#endif  // ELDR_TOOLS_SIM_ARRIVAL_PROCESS_H_

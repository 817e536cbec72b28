// The traffic of a simulation: arrivals, requests, lengths and the fate of signatures.
#ifndef ELDR_TOOLS_SIM_TRAFFIC_H_
#define ELDR_TOOLS_SIM_TRAFFIC_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/replay/random_stream.h"
#include "tools/replay/trace.h"
#include "tools/replay/workload.h"
#include "tools/sim/arrival_process.h"
#include "tools/sim/domain_mix.h"
#include "tools/sim/sim_config.h"

namespace eldr::sim {

// Knows nothing of where requests are placed, so that every policy sees the same. What one option
// draws never shifts what another draws.
class Traffic final : public replay::ArrivalSource {
 public:
  // `record` is for arrivals from a file, else empty. INVALID_ARGUMENT if the mix does not fit the
  // pool. `trace` and `record` must outlive it.
  static absl::StatusOr<std::unique_ptr<Traffic>> Create(const TrafficConfig& config,
                                                         absl::Duration duration,
                                                         const replay::Trace& trace,
                                                         const std::vector<std::size_t>& pool,
                                                         const std::vector<RecordedArrival>& record,
                                                         std::uint64_t seed);

  replay::Arrival Next() override;

 private:
  Traffic(const TrafficConfig& config, const replay::Trace& trace, DomainMix mix,
          std::unique_ptr<ArrivalProcess> process, std::uint64_t seed);
  replay::SignatureFate DrawFate();

  const TrafficConfig config_;
  const replay::Trace& trace_;
  const DomainMix mix_;
  const std::unique_ptr<ArrivalProcess> process_;
  replay::RandomStream choices_;
  replay::RandomStream lengths_;
  replay::RandomStream starts_;
  replay::RandomStream fates_;
};

}  // namespace eldr::sim

#endif  // ELDR_TOOLS_SIM_TRAFFIC_H_

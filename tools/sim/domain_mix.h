// Which request of the pool arrives, by the mix of domains at that time.
#ifndef ELDR_TOOLS_SIM_DOMAIN_MIX_H_
#define ELDR_TOOLS_SIM_DOMAIN_MIX_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tools/replay/random_stream.h"
#include "tools/replay/trace.h"

namespace eldr::sim {

enum class MixKind : std::uint8_t {
  kTrace,     // every request of the pool has the same chance
  kSkewed,    // of the domains in an order that the seed draws, the k-th has weight 1 / k
  kDrifting,  // a half of the domains that the seed draws gives way to the other, over the duration
  kDrift,     // as told
};

// Weights of domains, which move in a straight line from one mix to the other.
struct MixDrift {
  std::map<std::string, double> from, to;  // domains not named have weight 0
  absl::Duration start, end;
};

class DomainMix {
 public:
  // `pool` holds indices of trace.requests. `drift` is for kDrift, `duration` for kDrifting.
  // INVALID_ARGUMENT, naming the mix, if it has no request of positive weight in the pool or a
  // weight that is not a number of at least 0.
  static absl::StatusOr<DomainMix> Create(MixKind kind, const MixDrift& drift,
                                          absl::Duration duration, const replay::Trace& trace,
                                          const std::vector<std::size_t>& pool, std::uint64_t seed);

  // An index of trace.requests.
  std::size_t Draw(absl::Duration time, replay::RandomStream& stream) const;

 private:
  std::vector<std::size_t> pool_;
  // By domain: its requests, and its share before and after the drift. Empty for kTrace.
  std::vector<std::vector<std::size_t>> requests_;
  std::vector<double> from_, to_;
  absl::Duration start_, end_;
};

}  // namespace eldr::sim

#endif  // ELDR_TOOLS_SIM_DOMAIN_MIX_H_

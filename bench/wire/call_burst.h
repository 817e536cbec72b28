// Placements in a closed loop, timed one by one.
#ifndef ELDR_BENCH_WIRE_CALL_BURST_H_
#define ELDR_BENCH_WIRE_CALL_BURST_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "eldr/v1/placement.grpc.pb.h"
#include "tools/loadgen/request_source.h"

namespace eldr {

struct Burst {
  std::size_t calls = 0;
  std::size_t at_a_time = 1;
  std::uint64_t first_number = 0;  // of the requests, see RequestSource
};

// Makes the calls on this thread alone, so that nothing but the server and this competes for the
// processors; answers the median latency. The error of the first call that fails.
absl::StatusOr<absl::Duration> PlaceBurst(v1::PlacementService::Stub& stub,
                                          const loadgen::RequestSource& source, const Burst& burst);

// Releases all requests of a burst.
absl::Status ReleaseBurst(v1::PlacementService::Stub& stub, const std::string& model,
                          const loadgen::RequestSource& source, const Burst& burst);

}  // namespace eldr

#endif  // ELDR_BENCH_WIRE_CALL_BURST_H_

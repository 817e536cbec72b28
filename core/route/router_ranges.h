// What Router::Options and the names of models may be, for whoever checks before there is a router.
#ifndef ELDR_CORE_ROUTE_ROUTER_RANGES_H_
#define ELDR_CORE_ROUTE_ROUTER_RANGES_H_

#include <cstdint>

#include "absl/time/time.h"
#include "core/base/range.h"
#include "core/books/lease_fields.h"  // IWYU pragma: export

namespace eldr {

inline constexpr Range<absl::Duration> kSignatureTtlRange = {absl::Seconds(1), absl::Hours(1)};
inline constexpr Range<absl::Duration> kNodeTimeoutRange = {absl::Milliseconds(100),
                                                            absl::Hours(1)};
inline constexpr Range<double> kPanicThresholdRange = {0, 1};
inline constexpr Range<std::uint64_t> kMaxPanicTimeoutsRange = {1, 1000};
inline constexpr Range<absl::Duration> kForgetLostAfterRange = {absl::Seconds(1), absl::Hours(24)};
inline constexpr Range<absl::Duration> kConfirmGraceRange = {absl::Seconds(1), absl::Hours(1)};
inline constexpr Range<double> kMaxKvUsageRange = {.least = 0, .most = 1, .above = true};
inline constexpr Range<std::uint64_t> kMaxModelsRange = {1, 1024};
inline constexpr Range<std::uint64_t> kMaxNodesPerModelRange = {1, 65'536};
inline constexpr Range<std::uint64_t> kMaxLeasesPerModelRange = {1, 100'000'000};
inline constexpr Range<std::uint64_t> kReceiptsRange = {0, 1'000'000};
// Of each store of a model. A test may want one that holds a single signature; a daemon does not.
inline constexpr Range<std::uint64_t> kStoreBytesRange = {1, std::uint64_t{1} << 40};
inline constexpr Range<std::uint64_t> kModelNameBytesRange = {1, 256};

}  // namespace eldr

#endif  // ELDR_CORE_ROUTE_ROUTER_RANGES_H_

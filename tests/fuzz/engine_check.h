// What must hold of everything that a decoder of engines' forms lets through.
#ifndef ELDR_TESTS_FUZZ_ENGINE_CHECK_H_
#define ELDR_TESTS_FUZZ_ENGINE_CHECK_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "client/engines/geometry.h"
#include "client/engines/routed_experts.h"
#include "tests/fuzz/fuzz_check.h"

namespace eldr::engines {

// Geometries to decode by: nothing known, everything, and a dense layer to drop.
inline std::vector<Geometry> FuzzGeometries() {
  return {{}, {2, 8, 2, {}}, {2, 8, 2, {1, 2}}, {0, 0, 1, {0}}};
}

// What is refused is said, and what was expected instead.
inline void CheckEngineRefusal(const absl::Status& status) {
  CheckRefusal(status);
  FUZZ_CHECK(absl::StrContains(status.message(), "expected"));
}

inline void CheckCounts(const ExpertCounts& counts, std::size_t layers, std::size_t experts,
                        std::size_t top_k) {
  FUZZ_CHECK(counts.tokens > 0);
  FUZZ_CHECK(counts.counts.size() == layers * experts);
  for (std::size_t layer = 0; layer < layers; ++layer) {
    std::uint64_t sum = 0;
    for (std::size_t expert = 0; expert < experts; ++expert) {
      const std::uint32_t count = counts.counts[layer * experts + expert];
      FUZZ_CHECK(count <= counts.tokens);
      sum += count;
    }
    FUZZ_CHECK(sum == 0 || sum == counts.tokens * std::uint64_t{top_k});
  }
}

inline void CheckRouted(const absl::StatusOr<RoutedExperts>& routed, const Geometry& geometry) {
  if (!routed.ok()) return CheckEngineRefusal(routed.status());
  FUZZ_CHECK(routed->tokens > 0 && routed->layers > 0 && routed->top_k > 0);
  FUZZ_CHECK(routed->ids.size() == routed->tokens * routed->layers * routed->top_k);
  FUZZ_CHECK(geometry.layers == 0 || routed->layers == geometry.layers);
  FUZZ_CHECK(geometry.top_k == 0 || routed->top_k == geometry.top_k);
  const std::uint32_t experts = geometry.experts == 0 ? kMaxExperts : geometry.experts;
  // More layers than a model has may come through where nothing is known of it.
  if (routed->layers * experts > kMaxCells) return;
  const auto counts = CountExperts(*routed, experts, 0, routed->tokens);
  FUZZ_CHECK(counts.ok());
  CheckCounts(*counts, routed->layers, experts, routed->top_k);
}

}  // namespace eldr::engines

#endif  // ELDR_TESTS_FUZZ_ENGINE_CHECK_H_

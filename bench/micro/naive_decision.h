// The residency decision written straight from its formulas, to compare with.
#ifndef ELDR_BENCH_MICRO_NAIVE_DECISION_H_
#define ELDR_BENCH_MICRO_NAIVE_DECISION_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "core/model/model_geometry.h"
#include "tools/replay/made_signatures.h"

namespace eldr {

// In double precision, no SIMD, no code, no table: hazards are kept as the sum of what was added,
// and every survival is computed anew by each decision. Not what a router can do without drift.
class NaiveDecision {
 public:
  NaiveDecision(const ModelGeometry& geometry, std::size_t nodes);

  // Estimates, scores every node, reserves on the best and learns; answers the node.
  std::size_t Place(const MadeSignature& signature);
  // Takes back what was placed the longest ago. REQUIRES: there is any.
  void Release();

 private:
  struct Node {
    std::vector<double> hazard;
    double batch = 0;
  };
  struct Lease {
    std::size_t node;
    std::vector<double> hazard;
  };

  const ModelGeometry geometry_;
  std::uint64_t learned_ = 0;
  std::vector<double> prior_;
  std::vector<Node> nodes_;
  std::deque<Lease> leases_;
};

}  // namespace eldr

#endif  // ELDR_BENCH_MICRO_NAIVE_DECISION_H_

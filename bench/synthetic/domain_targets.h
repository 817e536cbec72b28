// What the routing model aims at: the chance that a token of a domain picks an expert.
#ifndef ELDR_BENCH_SYNTHETIC_DOMAIN_TARGETS_H_
#define ELDR_BENCH_SYNTHETIC_DOMAIN_TARGETS_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "bench/synthetic/marginals.h"

namespace eldr::synthetic {

// [domains, layers, experts]: chances that sum to about top_k in each layer, with domains moved
// apart by `sharpen` (RoutingModel::Options). None is 0, so that every expert can be drawn.
std::vector<double> DomainTargets(const Marginals& marginals, std::size_t top_k, double sharpen);

// Adds to chances[e] the chance that expert e is among top_k distinct ones drawn with these
// weights. In a race in which e finishes after an exponential time of rate weights[e], the first
// top_k are such a draw; this takes the time at which top_k are expected to have finished for the
// time at which they have, which is exact enough for dozens of experts.
// REQUIRES: equal sizes, above top_k; weights above 0.
void AddPickChances(absl::Span<const double> weights, std::size_t top_k,
                    absl::Span<double> chances);

}  // namespace eldr::synthetic

#endif  // ELDR_BENCH_SYNTHETIC_DOMAIN_TARGETS_H_

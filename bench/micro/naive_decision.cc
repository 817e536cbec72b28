#include "bench/micro/naive_decision.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/policy/policy_settings.h"

namespace eldr {

NaiveDecision::NaiveDecision(const ModelGeometry& geometry, std::size_t nodes)
    : geometry_(geometry),
      prior_(geometry.cells(), static_cast<double>(geometry.top_k) / geometry.experts),
      nodes_(nodes, {std::vector<double>(geometry.cells(), 0), 0}) {}

std::size_t NaiveDecision::Place(const MadeSignature& signature) {
  const PolicySettings settings;
  const double tokens = signature.tokens;
  const double n = tokens * settings.estimate.n0 / (tokens + settings.estimate.n0);
  const double kappa = settings.estimate.kappa;
  std::vector<double> activation(prior_.size());
  for (std::size_t i = 0; i < activation.size(); ++i) {
    const double p = (n * signature.counts[i] / tokens + kappa * prior_[i]) / (n + kappa);
    activation[i] = std::min(settings.estimate.p_max, p);
  }

  const auto step_time = [&](double experts, double batch) {
    return absl::ToDoubleSeconds(settings.step_time.base) +
           absl::ToDoubleSeconds(settings.step_time.all_experts) * experts /
               static_cast<double>(prior_.size()) +
           absl::ToDoubleSeconds(settings.step_time.per_request) * batch;
  };
  std::size_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < nodes_.size(); ++k) {
    const Node& node = nodes_[k];
    double expected = 0, marginal = 0;
    for (std::size_t i = 0; i < activation.size(); ++i) {
      const double survival = std::exp(-node.hazard[i]);
      expected += 1 - survival;
      marginal += activation[i] * survival;
    }
    const double before = step_time(expected, node.batch);
    const double after = step_time(expected + marginal, node.batch + 1);
    const double cost = after + settings.w * node.batch * (after - before);
    if (cost < least) {
      least = cost;
      best = k;
    }
  }

  Lease lease = {best, std::vector<double>(activation.size())};
  for (std::size_t i = 0; i < activation.size(); ++i) {
    lease.hazard[i] = -std::log1p(-activation[i]);
    nodes_[best].hazard[i] += lease.hazard[i];
  }
  ++nodes_[best].batch;
  leases_.push_back(std::move(lease));
  const double step = 1.0 / static_cast<double>(std::min<std::uint64_t>(learned_++ + 16, 1000));
  for (std::size_t i = 0; i < prior_.size(); ++i) {
    prior_[i] += (signature.counts[i] / tokens - prior_[i]) * step;
  }
  return best;
}

void NaiveDecision::Release() {
  const Lease& lease = leases_.front();
  Node& node = nodes_[lease.node];
  for (std::size_t i = 0; i < lease.hazard.size(); ++i) node.hazard[i] -= lease.hazard[i];
  --node.batch;
  leases_.pop_front();
}

}  // namespace eldr

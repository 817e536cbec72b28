#include "tools/sim/domain_mix.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace eldr::sim {
namespace {

constexpr std::uint64_t kOrderStream = 0x646f6d61696e73;

// The weights of `domains`, in their order, scaled to the sum 1.
absl::StatusOr<std::vector<double>> Shares(absl::string_view field,
                                           const std::map<std::string, double>& weights,
                                           const std::vector<std::string>& domains) {
  for (const auto& [domain, weight] : weights) {
    if (!(weight >= 0) || !std::isfinite(weight)) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, ".", domain, ": got ", weight, ", expected a number of at least 0"));
    }
  }
  std::vector<double> shares;
  for (const std::string& domain : domains) {
    const auto found = weights.find(domain);
    shares.push_back(found == weights.end() ? 0 : found->second);
  }
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  if (sum <= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": expected a weight above 0 for a domain of the replayed requests"));
  }
  for (double& share : shares) share /= sum;
  return shares;
}

std::vector<std::string> Shuffled(std::vector<std::string> domains, std::uint64_t seed) {
  replay::RandomStream stream(seed, kOrderStream);
  for (std::size_t i = domains.size(); i > 1; --i) {
    std::swap(domains[i - 1], domains[stream.Below(i)]);
  }
  return domains;
}

}  // namespace

absl::StatusOr<DomainMix> DomainMix::Create(MixKind kind, const MixDrift& drift,
                                            absl::Duration duration, const replay::Trace& trace,
                                            const std::vector<std::size_t>& pool,
                                            std::uint64_t seed) {
  DomainMix mix;
  mix.pool_ = pool;
  if (kind == MixKind::kTrace) return mix;
  std::map<std::string, std::vector<std::size_t>> by_domain;
  for (const std::size_t index : pool) by_domain[trace.requests[index].domain].push_back(index);
  std::vector<std::string> domains;
  for (auto& [domain, requests] : by_domain) {
    domains.push_back(domain);
    mix.requests_.push_back(std::move(requests));
  }
  MixDrift weights = drift;
  if (kind != MixKind::kDrift) {
    weights = {{}, {}, absl::ZeroDuration(), duration};
    const std::vector<std::string> order = Shuffled(domains, seed);
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (kind == MixKind::kSkewed) {
        weights.from[order[i]] = weights.to[order[i]] = 1 / static_cast<double>(i + 1);
      } else {
        const auto requests = static_cast<double>(
            mix
                .requests_[static_cast<std::size_t>(
                    std::lower_bound(domains.begin(), domains.end(), order[i]) - domains.begin())]
                .size());
        // A single domain has nowhere to go.
        if (i < (order.size() + 1) / 2) weights.from[order[i]] = requests;
        if (i >= (order.size() + 1) / 2 || order.size() == 1) weights.to[order[i]] = requests;
      }
    }
  }
  ELDR_ASSIGN_OR_RETURN(mix.from_, Shares("drift.from", weights.from, domains));
  ELDR_ASSIGN_OR_RETURN(mix.to_, Shares("drift.to", weights.to, domains));
  mix.start_ = weights.start;
  mix.end_ = weights.end;
  return mix;
}

std::size_t DomainMix::Draw(absl::Duration time, replay::RandomStream& stream) const {
  if (requests_.empty()) return pool_[stream.Below(pool_.size())];
  const double moved = time <= start_ ? 0
                       : time >= end_ ? 1
                                      : absl::FDivDuration(time - start_, end_ - start_);
  double left = stream.Uniform();
  std::size_t chosen = 0;
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    const double share = from_[i] + moved * (to_[i] - from_[i]);
    if (share <= 0) continue;
    chosen = i;  // the last one with a share takes what rounding leaves
    if (left < share) break;
    left -= share;
  }
  return requests_[chosen][stream.Below(requests_[chosen].size())];
}

}  // namespace eldr::sim

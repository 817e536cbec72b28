#include "core/policy/locality_band_policy.h"

#include <algorithm>
#include <utility>

#include "absl/strings/string_view.h"
#include "core/base/stable_hash.h"

namespace eldr {
namespace {

// More than any load, so that a node outside the band comes after all in it.
constexpr double kOutside = 0x1p32;

template <typename Value>
std::uint64_t HashOf(absl::Span<const Value> values, std::uint64_t seed) {
  return StableHash(absl::string_view(reinterpret_cast<const char*>(values.data()),
                                      values.size() * sizeof(Value)),
                    seed);
}

// Of the space that centroids live in, and of the profile that they came from.
std::uint64_t FingerprintOf(const SignatureTransform& transform, const Profile* profile) {
  std::uint64_t hash = StableHash(Name(transform.variant), transform.layers);
  hash = HashOf(absl::MakeConstSpan(transform.layer_mask), hash + transform.experts);
  hash = HashOf(absl::MakeConstSpan(transform.idf), hash);
  return profile == nullptr ? hash : HashOf(profile->centroids.values(), hash);
}

}  // namespace

LocalityBandPolicy::LocalityBandPolicy(const LocalityBandSettings& settings, Refits refits,
                                       const ModelGeometry& geometry)
    : settings_(settings),
      refits_(refits),
      transform_(settings.profile != nullptr ? settings.profile->transform
                                             : CountTransform(geometry.layers, geometry.experts)),
      buffer_(transform_.dimension()) {
  if (settings.profile != nullptr) regions_.SetRegions(settings.profile->centroids);
  if (settings.profile == nullptr || refits == Refits::kContinually) {
    window_.emplace(settings.window);
  }
}

void LocalityBandPolicy::Observe(const PolicyContext& context) {
  const bool seen =
      context.signature != nullptr && transform_.Apply(*context.signature, absl::MakeSpan(buffer_));
  if (window_) {
    window_->Expire(context.now);
    if (seen) {
      window_->Add(context.now, buffer_);
      MaybeStartFit(context.now);
    }
  }
  regions_.SetCosines(seen ? buffer_ : absl::Span<const float>());
}

void LocalityBandPolicy::Score(const PolicyContext&, absl::Span<Candidate> candidates) const {
  // The cost first serves as the cosine, to need no memory. Strict comparisons let the lower index
  // win ties.
  Candidate* best = nullptr;
  Candidate* second = nullptr;
  for (Candidate& candidate : candidates) {
    candidate.cost = double{regions_.CosineOf(candidate.node->ordinal)};
    if (best == nullptr || candidate.cost > best->cost) {
      second = std::exchange(best, &candidate);
    } else if (second == nullptr || candidate.cost > second->cost) {
      second = &candidate;
    }
  }
  const auto cost = [](const Candidate& candidate, bool in_band) {
    return in_band ? static_cast<double>(candidate.load) : kOutside + 1 - candidate.cost;
  };
  const double least = best->cost - settings_.tau;
  if (settings_.tau > 0 && second != nullptr && second->cost < least) {
    // One alone: the second best joins it, but none that merely equals that one.
    for (Candidate& candidate : candidates) {
      candidate.cost = cost(candidate, &candidate == best || &candidate == second);
    }
    return;
  }
  for (Candidate& candidate : candidates) {
    candidate.cost = cost(candidate, candidate.cost >= least);
  }
}

void LocalityBandPolicy::OnFleetChange(absl::Span<const std::unique_ptr<DecodeNode>> nodes) {
  std::vector<LocalityBandRegions::Node> ready;
  std::vector<std::uint64_t> ordinals;
  for (const auto& node : nodes) {
    if (node->state != NodeState::kReady || node->draining) continue;
    ready.push_back({node->ordinal, node->sequences});
    ordinals.push_back(node->ordinal);
  }
  if (absl::MakeConstSpan(ordinals) == regions_.ordinals()) return;
  regions_.SetNodes(ready);
  ++version_;
  wants_fit_ = true;
}

void LocalityBandPolicy::MaybeStartFit(MonotonicTime now) {
  const absl::Span<const std::uint64_t> ordinals = regions_.ordinals();
  const auto first = window_->first_added();
  if (fitting_ || ordinals.empty() || window_->size() < ordinals.size() ||
      now - first.value_or(now) < window_->length()) {
    return;
  }
  const bool wanted = refits_ == Refits::kContinually || regions_.empty() || wants_fit_;
  const bool too_soon = last_start_ && now - *last_start_ < settings_.refit_interval;
  if (!wanted || too_soon) return;
  ready_ = std::make_unique<LocalityBandFit>(
      window_->Snapshot(), regions_.empty() ? VectorSet() : regions_.NodeCentroids(),
      std::vector<std::uint64_t>(ordinals.begin(), ordinals.end()), fits_.started);
  fitting_ = true;
  wants_fit_ = false;
  last_start_ = now;
  ++fits_.started;
}

std::unique_ptr<BackgroundWork> LocalityBandPolicy::TakeWork() { return std::move(ready_); }

void LocalityBandPolicy::FinishWork(std::unique_ptr<BackgroundWork> work) {
  // Only what TakeWork handed out comes back.
  auto& fit = static_cast<LocalityBandFit&>(*work);
  fitting_ = false;
  std::optional<VectorSet> centroids = fit.TakeCentroids();
  if (!centroids) {
    ++fits_.failed;
    wants_fit_ = true;
  } else if (absl::MakeConstSpan(fit.ordinals()) == regions_.ordinals()) {
    regions_.SetRegions(*std::move(centroids), fit.ordinals());
    ++fits_.published;
    ++version_;
  }
  // If the fleet is another by now, its change has asked for the next fit.
}

PolicyMemory LocalityBandPolicy::Save() const {
  PolicyMemory memory = regions_.Save();
  memory.fingerprint = FingerprintOf(transform_, settings_.profile.get());
  return memory;
}

bool LocalityBandPolicy::Restore(PolicyMemory memory) {
  if (memory.fingerprint != FingerprintOf(transform_, settings_.profile.get())) return false;
  return regions_.Restore(std::move(memory), transform_.dimension());
}

}  // namespace eldr

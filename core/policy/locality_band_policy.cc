#include "core/policy/locality_band_policy.h"

#include <algorithm>
#include <utility>

#include "absl/strings/string_view.h"
#include "core/base/stable_hash.h"

namespace eldr {
namespace {

// More than any load, so that a node outside the band comes after all in it.
constexpr double kOutside = 0x1p32;

// Of a cosine in single precision, and more.
constexpr double kRounding = 1e-6;

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

std::vector<std::uint64_t> OrdinalsOf(absl::Span<const RegionNode> nodes) {
  std::vector<std::uint64_t> ordinals;
  ordinals.reserve(nodes.size());
  for (const RegionNode& node : nodes) ordinals.push_back(node.ordinal);
  return ordinals;
}

bool SameNodes(absl::Span<const RegionNode> nodes, absl::Span<const std::uint64_t> ordinals) {
  return std::equal(
      nodes.begin(), nodes.end(), ordinals.begin(), ordinals.end(),
      [](const RegionNode& node, std::uint64_t ordinal) { return node.ordinal == ordinal; });
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
      context.signature != nullptr && signature_.Assign(transform_, *context.signature);
  if (!seen) signature_.Clear();
  if (window_) {
    window_->Expire(context.now);
    // Fits take the exact vector.
    if (seen && transform_.Apply(*context.signature, absl::MakeSpan(buffer_))) {
      window_->Add(context.now, buffer_);
      MaybeStartFit(context.now);
    }
  }
  regions_.Compare(signature_);
}

LocalityBandPolicy::Leaders LocalityBandPolicy::FindLeaders(absl::Span<Candidate> candidates) {
  // Strict comparisons let the lower index win ties.
  Leaders leaders;
  for (Candidate& candidate : candidates) {
    if (leaders.best == nullptr || candidate.cost > leaders.best->cost) {
      leaders.second = std::exchange(leaders.best, &candidate);
    } else if (leaders.second == nullptr || candidate.cost > leaders.second->cost) {
      leaders.second = &candidate;
    }
  }
  return leaders;
}

void LocalityBandPolicy::Refine(absl::Span<Candidate> candidates, double least, double most) const {
  if (regions_.error() == 0) return;
  for (Candidate& candidate : candidates) {
    if (candidate.cost < least || candidate.cost > most) continue;
    // In single precision, where quotients that are equal but for rounding are equal.
    candidate.cost =
        double{static_cast<float>(regions_.Refine(signature_, candidate.node->ordinal))};
  }
}

void LocalityBandPolicy::Score(const PolicyContext&, absl::Span<Candidate> candidates) const {
  // The cost first serves as the cosine, to need no memory.
  const absl::Span<const std::uint64_t> ordinals = regions_.ordinals();
  std::size_t node = 0;
  for (Candidate& candidate : candidates) {
    while (node < ordinals.size() && ordinals[node] < candidate.node->ordinal) ++node;
    const bool known = node < ordinals.size() && ordinals[node] == candidate.node->ordinal;
    candidate.cost = known ? regions_.cosines()[node] : 0;
  }
  // Only what the error could make a difference to is refined: who is the best, then who is in the
  // band. The slack is for the rounding of refined cosines.
  const double error = regions_.error() + kRounding;
  Refine(candidates, FindLeaders(candidates).best->cost - 2 * error, kOutside);
  const double least = FindLeaders(candidates).best->cost - settings_.tau;
  Refine(candidates, least - error, least + error);
  Leaders leaders = FindLeaders(candidates);

  const auto cost = [](const Candidate& candidate, bool in_band) {
    return in_band ? static_cast<double>(candidate.load) : kOutside + 1 - candidate.cost;
  };
  if (settings_.tau > 0 && leaders.second != nullptr && leaders.second->cost < least) {
    // One alone: the second best joins it, but none that merely equals that one.
    const double second = leaders.second->cost;
    Refine(candidates, second - 2 * error, second + 2 * error);
    leaders = FindLeaders(candidates);
    for (Candidate& candidate : candidates) {
      candidate.cost = cost(candidate, &candidate == leaders.best || &candidate == leaders.second);
    }
    return;
  }
  for (Candidate& candidate : candidates) {
    candidate.cost = cost(candidate, candidate.cost >= least);
  }
}

void LocalityBandPolicy::OnFleetChange(absl::Span<const std::unique_ptr<DecodeNode>> nodes) {
  std::vector<RegionNode> ready;
  for (const auto& node : nodes) {
    if (node->state != NodeState::kReady || node->draining) continue;
    ready.push_back({node->ordinal, node->sequences});
  }
  // No nodes at all change nothing: whoever comes back finds its regions.
  if (ready.empty() || SameNodes(ready, OrdinalsOf(fleet_))) return;
  fleet_ = std::move(ready);
  CheckOwners();
  wants_fit_ = wants_fit_ || !SameNodes(fleet_, regions_.ordinals());
}

void LocalityBandPolicy::CheckOwners() {
  wants_assignment_ =
      !regions_.empty() && !fleet_.empty() && !SameNodes(fleet_, regions_.ordinals());
}

void LocalityBandPolicy::MaybeStartFit(MonotonicTime now) {
  const auto first = window_->first_added();
  // A fit starts from what each node owns, so that is dealt out before.
  if (fitting_ || wants_assignment_ || fleet_.empty() || window_->size() < fleet_.size() ||
      now - first.value_or(now) < window_->length()) {
    return;
  }
  const bool wanted = refits_ == Refits::kContinually || regions_.empty() || wants_fit_;
  const bool too_soon = last_start_ && now - *last_start_ < settings_.refit_interval;
  if (!wanted || too_soon) return;
  ready_ = std::make_unique<LocalityBandFit>(window_->Snapshot(), regions_.centroids(),
                                             regions_.owners(), OrdinalsOf(fleet_), fits_.started);
  fitting_ = true;
  wants_fit_ = false;
  last_start_ = now;
  ++fits_.started;
}

std::unique_ptr<BackgroundWork> LocalityBandPolicy::TakeWork(WorkLength length) {
  if (length == WorkLength::kLong) return std::move(ready_);
  if (!wants_assignment_ || assigning_ != nullptr) return nullptr;
  auto assignment =
      std::make_unique<RegionAssignment>(regions_.centroids(), regions_.owners(), fleet_);
  assigning_ = assignment.get();
  return assignment;
}

void LocalityBandPolicy::FinishWork(BackgroundWork& work) {
  // Only what TakeWork handed out comes back.
  if (&work == assigning_) {
    PublishAssignment(static_cast<const RegionAssignment&>(work));
  } else {
    PublishFit(static_cast<LocalityBandFit&>(work));
  }
}

void LocalityBandPolicy::PublishAssignment(const RegionAssignment& assignment) {
  assigning_ = nullptr;
  // Of other regions it says nothing. For a fleet that has changed again it is a step on the way.
  if (assignment.owners() != nullptr && assignment.centroids() == regions_.centroids()) {
    regions_.SetOwners(assignment.owners());
    ++version_;
  }
  CheckOwners();
}

void LocalityBandPolicy::PublishFit(LocalityBandFit& fit) {
  fitting_ = false;
  if (!fit.regions()) {
    ++fits_.failed;
    wants_fit_ = true;
  } else if (SameNodes(fleet_, fit.ordinals())) {
    std::swap(regions_, *fit.regions());
    ++fits_.published;
    ++version_;
  }
  // If the fleet is another by now, its change has asked for the next fit.
  CheckOwners();
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

// The published ELDR algorithm: among the nodes whose centroid is about as near to the request as
// the nearest, the one of the least load (arXiv 2607.00466; design: section 4).
#ifndef ELDR_CORE_POLICY_LOCALITY_BAND_POLICY_H_
#define ELDR_CORE_POLICY_LOCALITY_BAND_POLICY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/model/model_geometry.h"
#include "core/policy/locality_band_fit.h"
#include "core/policy/locality_band_regions.h"
#include "core/policy/locality_band_settings.h"
#include "core/policy/locality_band_window.h"
#include "core/policy/policy.h"
#include "core/policy/quantized_signature.h"
#include "core/policy/region_assignment.h"
#include "core/profile/signature_transform.h"

namespace eldr {

// Candidates are the nodes with a cosine of at least the best less tau; if tau > 0 and that is one,
// the second best too. Of them the fewest in flight wins, ties going to the lowest index. A request
// without a signature, or with one that vanishes, has the cosine 0 with every node: least loaded.
//
// The centroids come from the profile. Without one they come from the policy's own traffic, by the
// transform "count" (all layers, no weights): the first time when the window is full; until then
// all cosines are 0.
//
// Beyond the paper, the nodes may change at any time. Work for the background deals the regions out
// to them anew (region_assignment.h), and placements go by the old owners meanwhile: a node that
// came has the cosine 0 until then. The next fit to the recent traffic gives each node a region of
// its own. The static policy with a profile never fits: there the regions stay those of the
// profile, whatever the fleet.
class LocalityBandPolicy final : public Policy {
 public:
  enum class Refits : std::uint8_t {
    kNever,        // static: but for want of a profile, and then when the fleet changes
    kContinually,  // online: every refit_interval
  };

  // REQUIRES: valid settings, whose profile (if any) serves the geometry.
  LocalityBandPolicy(const LocalityBandSettings& settings, Refits refits,
                     const ModelGeometry& geometry);

  absl::string_view name() const override {
    return refits_ == Refits::kNever ? "locality_band" : "locality_band_online";
  }
  TieRule tie_rule() const override {
    return settings_.seeded_ties ? TieRule::kRandom : TieRule::kLowestOrdinal;
  }
  void Observe(const PolicyContext& context) override;
  void Score(const PolicyContext& context, absl::Span<Candidate> candidates) const override;
  void OnFleetChange(absl::Span<const std::unique_ptr<DecodeNode>> nodes) override;
  // Assignments are short, fits long.
  std::unique_ptr<BackgroundWork> TakeWork(WorkLength length) override;
  void FinishWork(BackgroundWork& work) override;

  const LocalityBandRegions& regions() const { return regions_; }
  std::optional<PolicyFits> fits() const override { return fits_; }
  std::uint64_t memory_version() const override { return regions_.empty() ? 0 : version_; }
  PolicyMemory Save() const override;
  bool Restore(PolicyMemory memory) override;

 private:
  // Of candidates whose cost is a cosine: the two of the greatest, nullptr where there are fewer.
  struct Leaders {
    Candidate* best = nullptr;
    Candidate* second = nullptr;
  };
  static Leaders FindLeaders(absl::Span<Candidate> candidates);
  // Makes those exact that lie in an interval. To do so again changes nothing.
  void Refine(absl::Span<Candidate> candidates, double least, double most) const;

  void MaybeStartFit(MonotonicTime now);
  void PublishFit(LocalityBandFit& fit);
  void PublishAssignment(const RegionAssignment& assignment);
  // Compares the owners of regions with the fleet.
  void CheckOwners();

  const LocalityBandSettings settings_;
  const Refits refits_;
  const SignatureTransform transform_;
  LocalityBandRegions regions_;
  std::uint64_t version_ = 1;  // of the regions and of who owns them

  // The nodes that take placements, by ordinal; as they stood when there were any.
  std::vector<RegionNode> fleet_;
  bool wants_assignment_ = false;              // others than these own the regions
  const BackgroundWork* assigning_ = nullptr;  // handed out, not yet finished

  // The transformed signature of the request being decided; in floats only where there is a window.
  QuantizedSignature signature_;
  std::vector<float> buffer_;

  // Not set for a policy that never fits: it would only hold memory.
  std::optional<SignatureWindow> window_;
  std::unique_ptr<LocalityBandFit> ready_;  // made, not yet taken
  bool fitting_ = false;                    // made, not yet finished
  bool wants_fit_ = false;                  // of a changed fleet, or in place of one that failed
  std::optional<MonotonicTime> last_start_;
  PolicyFits fits_;
};

}  // namespace eldr

#endif  // ELDR_CORE_POLICY_LOCALITY_BAND_POLICY_H_

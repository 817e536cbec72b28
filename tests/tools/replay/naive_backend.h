// A backend in memory with textbook policies, to test the replay and to compare others against.
#ifndef ELDR_TESTS_TOOLS_REPLAY_NAIVE_BACKEND_H_
#define ELDR_TESTS_TOOLS_REPLAY_NAIVE_BACKEND_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/policy/policy_settings.h"
#include "tools/replay/placement_backend.h"
#include "tools/replay/random_stream.h"
#include "tools/replay/trace.h"

namespace eldr::replay {

enum class NaivePolicy { kRoundRobin, kLeastLoaded, kResidency };

// Everything in floating point and straight from the formulas (design: section 3): a second
// implementation of the residency policy, slow on purpose. Refuses what no correct replay does:
// time that goes back, a request pushed, placed or released twice, a placement without a signature.
class NaiveBackend : public PlacementBackend {
 public:
  NaiveBackend(NaivePolicy policy, const ModelGeometry& geometry, std::uint64_t seed)
      : policy_(policy),
        geometry_(geometry),
        ties_(seed, 0),
        prior_(geometry.cells(), static_cast<double>(geometry.top_k) / geometry.experts) {}

  // Each node takes no more requests than this at once; 0: no limit.
  void set_capacity(std::size_t capacity) { capacity_ = capacity; }

  absl::Status RegisterNode(MonotonicTime now, const NodeSpec& node) override;
  absl::Status PushSignature(MonotonicTime now, absl::string_view request_id,
                             const SignatureData& signature) override;
  absl::StatusOr<std::optional<std::string>> Place(MonotonicTime now,
                                                   const PlaceQuery& query) override;
  absl::Status Heartbeat(MonotonicTime now, const NodeReport& report) override;
  absl::Status Release(MonotonicTime now, absl::string_view request_id,
                       std::uint64_t output_tokens) override;

  // What was asked of it.
  struct Released {
    std::uint64_t output_tokens = 0;
    MonotonicTime time;
  };
  std::size_t placed() const { return placed_; }
  const std::map<std::string, Released>& released() const { return released_; }
  std::size_t live() const { return live_.size(); }
  std::size_t heartbeats() const { return heartbeats_; }
  // The batches that nodes reported, summed over steps, and the steps.
  double reported_batch_sum() const { return reported_batch_sum_; }
  std::uint64_t reported_steps() const { return reported_steps_; }

 private:
  struct Node {
    std::string id;
    std::map<std::string, std::vector<double>> requests;  // activation estimate by request id
  };

  absl::Status Advance(MonotonicTime now);
  std::vector<double> Estimate(const std::vector<double>& frequencies, double tokens);
  double Cost(const Node& node, const std::vector<double>& activation) const;
  double ExpectedExperts(const Node& node, const std::vector<double>* newcomer) const;

  const NaivePolicy policy_;
  const ModelGeometry geometry_;
  const PolicySettings settings_;
  RandomStream ties_;
  std::size_t capacity_ = 0;

  MonotonicTime now_;
  std::vector<Node> nodes_;
  std::size_t next_ = 0;  // of round robin
  std::vector<double> prior_;
  std::uint64_t learned_ = 0;
  std::map<std::string, std::vector<double>> pushed_;  // estimates by request id
  std::map<std::string, std::size_t> live_;            // node by request id
  std::map<std::string, Released> released_;
  std::size_t placed_ = 0;
  std::size_t heartbeats_ = 0;
  double reported_batch_sum_ = 0;
  std::uint64_t reported_steps_ = 0;
};

}  // namespace eldr::replay

#endif  // ELDR_TESTS_TOOLS_REPLAY_NAIVE_BACKEND_H_

// The decode nodes of one model, with what leases put on them.
#ifndef ELDR_CORE_FLEET_FLEET_H_
#define ELDR_CORE_FLEET_FLEET_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/fleet/decode_node.h"
#include "core/fleet/expert_group.h"
#include "core/fleet/lease.h"
#include "core/model/model_geometry.h"
#include "core/step_time/step_time_model.h"

namespace eldr {

// INVALID_ARGUMENT, naming the field under "node.", if a field of the registration is out of range.
absl::Status ValidateNodeSpec(const NodeSpec& spec, absl::Duration node_timeout);
// INVALID_ARGUMENT, naming the field, if a field of the report is out of range. `cells` is the most
// distinct experts a step can have.
absl::Status ValidateNodeReport(const NodeReport& report, std::size_t cells);

// Keeps nodes, their expert groups, and the counts that leases make there. It decides nothing: who
// is registered, lost or chosen is told to it. Not thread-safe.
class Fleet {
 public:
  Fleet(const ModelGeometry& geometry, const StepTimeShape& step_time)
      : geometry_(geometry),
        step_time_(step_time),
        rows_(std::make_shared<SurvivalRows>(geometry.cells())) {}

  // The node of this id, or nullptr.
  DecodeNode* Find(absl::string_view node_id) const;
  // Adds a node. REQUIRES: the id is not registered.
  DecodeNode& Add(NodeSpec spec);
  // The same at a place of its own. REQUIRES: the ordinal is larger than any before.
  DecodeNode& Add(NodeSpec spec, std::uint64_t ordinal);
  // Replaces what a node registered. REQUIRES: the same id; and, while the node holds leases, the
  // same expert group and tokens_per_step.
  void Respecify(DecodeNode& node, NodeSpec spec);
  // Learns the step times of a node's group from its report, and answers why it did not from some
  // of it, if so.
  Disbeliefs ObserveSteps(const DecodeNode& node, absl::Span<const StepStats> steps);
  // Forgets what was learned of them: another process runs there now.
  void ForgetSteps(const DecodeNode& node);
  // Removes a node. REQUIRES: no lease on it.
  void Remove(DecodeNode& node);

  // Puts a lease's load and contribution on lease.node; whether it fits is the caller's business.
  void Attach(Lease& lease);
  // Takes exactly that off again.
  void Detach(const Lease& lease);
  // The same for restored leases, whose contributions are empty: `stand_in` is what each of them
  // adds until its own replaces it. Takes one pass over the cells for each group, not for each
  // lease. Call it once.
  void AttachRestored(absl::Span<Lease* const> leases, std::vector<std::uint8_t> stand_in);
  // What an attached lease adds to its group: a code per cell.
  absl::Span<const std::uint8_t> ContributionOf(const Lease& lease) const {
    return lease.contribution.empty() ? stand_in_ : lease.contribution;
  }
  // Replaces the contribution of an attached lease.
  void ReplaceContribution(Lease& lease, absl::Span<const std::uint8_t> codes);

  // What was learned of a group's steps, given back; false if there is no such group, or it is of
  // no use to it.
  bool RestoreSteps(const std::string& group, const StepTimeModel::Learned& learned);

  // For a copy of a fleet: adds a node as it stood, without its leases; what its group has learned;
  // and the ordinal of the next one.
  void AddCopy(const DecodeNode& copy);
  void SetSteps(const std::string& group, const StepTimeModel& step_time);
  void ContinueOrdinals(std::uint64_t next) { next_ordinal_ = next; }
  std::uint64_t next_ordinal() const { return next_ordinal_; }
  const std::vector<std::uint8_t>& stand_in() const { return stand_in_; }

  // The nodes in the order of their registration.
  absl::Span<const std::unique_ptr<DecodeNode>> nodes() const { return nodes_; }

 private:
  // False if no batch of the bucket's size activates as few or as many experts as it tells.
  bool ExpertsArePlausible(const StepStats& stats, std::uint32_t tokens_per_step) const;
  ExpertGroup* JoinGroup(const std::string& name);
  void LeaveGroup(ExpertGroup* group);

  // Everything that a lease adds to its node and group but the contribution.
  static void Count(Lease& lease);

  const ModelGeometry geometry_;
  const StepTimeShape step_time_;
  const std::shared_ptr<SurvivalRows> rows_;
  std::vector<std::uint8_t> stand_in_;
  std::uint64_t next_ordinal_ = 0;
  std::vector<std::unique_ptr<DecodeNode>> nodes_;
  absl::flat_hash_map<std::string, DecodeNode*> by_id_;
  absl::flat_hash_map<std::string, std::unique_ptr<ExpertGroup>> groups_;
};

}  // namespace eldr

#endif  // ELDR_CORE_FLEET_FLEET_H_

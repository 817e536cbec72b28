// Nodes that run their decode steps together over the same expert weights.
#ifndef ELDR_CORE_FLEET_EXPERT_GROUP_H_
#define ELDR_CORE_FLEET_EXPERT_GROUP_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "core/residency/residency_map.h"
#include "core/step_time/step_time_model.h"

namespace eldr {

// What a decision found out of a group when it met the first of its nodes, for the others. Valid
// for the decision that it names alone.
struct GroupEvaluation {
  const void* decider = nullptr;
  std::uint64_t decision = 0;
  std::uint32_t multiplicity = 0;
  bool exact = false;
  double marginal_experts = 0;
};

// Residency and step time belong to the group; leases and KV to its nodes. A node of no named group
// is a group of one. Plain data under the lock of its model's router.
struct ExpertGroup {
  ExpertGroup(std::string group_name, std::size_t cells, std::shared_ptr<SurvivalRows> rows,
              StepTimeModel model)
      : name(std::move(group_name)),
        residency(cells, std::move(rows)),
        step_time(std::move(model)) {}

  const std::string name;
  ResidencyMap residency;
  StepTimeModel step_time;
  std::uint32_t nodes = 0;
  std::uint32_t leases = 0;
  std::uint32_t sequences = 0;       // of all leases
  std::uint64_t context_tokens = 0;  // H, of all leases
  // B, the sum of its nodes' loads; brought up to date at the start of each decision.
  std::uint32_t batch = 0;
  // Scratch of the decision that is made.
  GroupEvaluation evaluation;
};

}  // namespace eldr

#endif  // ELDR_CORE_FLEET_EXPERT_GROUP_H_

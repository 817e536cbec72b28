// What of a router outlives its process, as plain data.
//
// A store outside of core keeps it: it hears of changes by the RouterObserver, reads what it missed
// by Router::CopyModel, Router::CopyContributions and Router::CopyLearned, and gives all of it back
// to a new router by Router::Restore and Router::RestoreContributions.
//
// What is not kept: signatures that wait to be placed, what nodes reported, renewals, receipts.
#ifndef ELDR_CORE_ROUTE_ROUTER_STATE_H_
#define ELDR_CORE_ROUTE_ROUTER_STATE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "core/fleet/decode_node.h"
#include "core/fleet/lease.h"
#include "core/model/model_geometry.h"
#include "core/policy/policy.h"
#include "core/signature/activation_prior.h"
#include "core/signature/expert_signature.h"
#include "core/step_time/step_time_model.h"

namespace eldr {

struct NodeRecord {
  NodeSpec spec;
  std::uint64_t ordinal = 0;
  absl::Time register_time;
  NodeState state = NodeState::kJoining;
  bool draining = false;
};

// A lease without its contribution, which is a hundred times as large.
struct LeaseRecord {
  std::uint64_t id = 0;
  std::string request_id;
  std::string node_id;
  std::uint32_t sequences = 1;
  std::uint64_t context_tokens = 0;
  std::uint64_t kv_tokens = 0;
  SignatureQuality quality = SignatureQuality::kMissing;
  double signature_coverage = 0;
  bool learned = false;
  absl::Duration ttl;
  // See Lease.
  std::uint32_t signature_tokens = 0;
  bool whole_prompt = false;
  bool appended = false;
};

struct ContributionRecord {
  std::uint64_t lease_id = 0;
  std::string request_id;
  std::vector<std::uint8_t> codes;
};

// What a model has learned from its traffic.
struct LearnedRecord {
  struct GroupSteps {
    std::string expert_group;
    StepTimeModel::Learned learned;
  };

  ActivationPrior::Learned prior;
  std::vector<GroupSteps> step_times;  // of the groups that have reported any
  // Of the policy and of its shadow, if they learn. Left out of a copy if unchanged since the last.
  std::optional<PolicyMemory> policy;
  std::optional<PolicyMemory> shadow;
};

// Which states of the policies' memories were copied already; see Policy::memory_version.
struct LearnedVersions {
  std::uint64_t policy = 0;
  std::uint64_t shadow = 0;
};

struct ModelRecord {
  std::string name;
  ModelGeometry geometry;
  std::string policy;
  std::vector<NodeRecord> nodes;    // in the order of their registration
  std::vector<LeaseRecord> leases;  // in any order
  std::optional<LearnedRecord> learned;
};

// What became of a record. What is refused (out of range, or for a node that is not there) is left
// out, and the rest restored.
struct RestoreResult {
  std::uint32_t nodes = 0;
  std::uint32_t refused_nodes = 0;
  std::uint64_t leases = 0;
  std::uint64_t refused_leases = 0;
  bool learned = false;  // of what was learned at least the prior
};

NodeRecord RecordOf(const DecodeNode& node);
LeaseRecord RecordOf(const Lease& lease);

}  // namespace eldr

#endif  // ELDR_CORE_ROUTE_ROUTER_STATE_H_

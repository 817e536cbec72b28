// Nodes and leases as plain data: what changes carry, and what outlives the process.
#ifndef ELDR_CORE_BOOKS_RECORDS_H_
#define ELDR_CORE_BOOKS_RECORDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "core/fleet/decode_node.h"
#include "core/fleet/lease.h"
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

// What was learned of a group's steps.
struct GroupSteps {
  std::string expert_group;
  StepTimeModel::Learned learned;
};

// What became of records that were restored. What is refused (out of range, or for a node that is
// not there) is left out, and the rest restored.
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

#endif  // ELDR_CORE_BOOKS_RECORDS_H_

#include "core/fleet/fleet.h"

#include <algorithm>
#include <utility>

namespace eldr {
namespace {

std::shared_ptr<const NodeContact> ContactOf(const NodeSpec& spec) {
  return std::make_shared<const NodeContact>(NodeContact{spec.node_id, spec.address, spec.dp_rank});
}

}  // namespace

DecodeNode* Fleet::Find(absl::string_view node_id) const {
  const auto it = by_id_.find(node_id);
  return it == by_id_.end() ? nullptr : it->second;
}

DecodeNode& Fleet::Add(NodeSpec spec) { return Add(std::move(spec), next_ordinal_); }

DecodeNode& Fleet::Add(NodeSpec spec, std::uint64_t ordinal) {
  auto node = std::make_unique<DecodeNode>();
  node->contact = ContactOf(spec);
  node->spec = std::move(spec);
  node->ordinal = ordinal;
  next_ordinal_ = ordinal + 1;
  node->group = JoinGroup(node->spec.group_name());
  by_id_[node->spec.node_id] = node.get();
  nodes_.push_back(std::move(node));
  return *nodes_.back();
}

void Fleet::Respecify(DecodeNode& node, NodeSpec spec) {
  // Joining before leaving keeps a group of one, and its object, if the name stays.
  ExpertGroup* group = JoinGroup(spec.group_name());
  LeaveGroup(node.group);
  node.group = group;
  node.contact = ContactOf(spec);
  node.spec = std::move(spec);
}

void Fleet::ObserveSteps(const DecodeNode& node, absl::Span<const StepStats> steps) {
  ExpertGroup& group = *node.group;
  for (StepStats stats : steps) {
    // A node reports its own part of a batch that the group's nodes share evenly.
    stats.max_batch *= group.nodes;
    stats.mean_batch *= group.nodes;
    if (stats.mean_context_tokens) *stats.mean_context_tokens *= group.nodes;
    group.step_time.Observe(stats, group.residency.expected_experts(), group.sequences);
  }
}

void Fleet::ForgetSteps(const DecodeNode& node) {
  if (node.group->nodes == 1) node.group->step_time = StepTimeModel(step_time_, geometry_);
}

void Fleet::Remove(DecodeNode& node) {
  LeaveGroup(node.group);
  by_id_.erase(node.spec.node_id);
  const auto it = std::find_if(nodes_.begin(), nodes_.end(),
                               [&](const auto& other) { return other.get() == &node; });
  nodes_.erase(it);
}

void Fleet::Attach(Lease& lease) {
  Count(lease);
  lease.node->group->residency.Add(lease.contribution, lease.multiplicity);
}

void Fleet::AttachRestored(absl::Span<Lease* const> leases, std::vector<std::uint8_t> stand_in) {
  stand_in_ = std::move(stand_in);
  absl::flat_hash_map<ExpertGroup*, std::uint32_t> weights;
  for (Lease* lease : leases) {
    Count(*lease);
    weights[lease->node->group] += lease->multiplicity;
  }
  for (const auto& [group, weight] : weights) group->residency.Add(stand_in_, weight);
}

bool Fleet::RestoreSteps(const std::string& group, const StepTimeModel::Learned& learned) {
  const auto it = groups_.find(group);
  return it != groups_.end() && it->second->step_time.Restore(learned);
}

void Fleet::Count(Lease& lease) {
  DecodeNode& node = *lease.node;
  lease.multiplicity = lease.sequences * node.spec.tokens_per_step;
  lease.place_on_node = node.leases;
  node.lease_list.push_back(&lease);
  ++node.leases;
  node.sequences += lease.sequences;
  node.kv_tokens += lease.kv_tokens;
  ExpertGroup& group = *node.group;
  ++group.leases;
  group.sequences += lease.sequences;
  group.context_tokens += lease.context_tokens;
}

void Fleet::Detach(const Lease& lease) {
  DecodeNode& node = *lease.node;
  // The last one takes its place.
  node.lease_list[lease.place_on_node] = node.lease_list.back();
  node.lease_list[lease.place_on_node]->place_on_node = lease.place_on_node;
  node.lease_list.pop_back();
  --node.leases;
  node.sequences -= lease.sequences;
  node.kv_tokens -= lease.kv_tokens;
  ExpertGroup& group = *node.group;
  --group.leases;
  group.sequences -= lease.sequences;
  group.context_tokens -= lease.context_tokens;
  group.residency.Remove(ContributionOf(lease), lease.multiplicity);
}

void Fleet::ReplaceContribution(Lease& lease, absl::Span<const std::uint8_t> codes) {
  ResidencyMap& residency = lease.node->group->residency;
  residency.Remove(ContributionOf(lease), lease.multiplicity);
  lease.contribution.assign(codes.begin(), codes.end());
  residency.Add(lease.contribution, lease.multiplicity);
}

ExpertGroup* Fleet::JoinGroup(const std::string& name) {
  auto& group = groups_[name];
  if (group == nullptr) {
    group = std::make_unique<ExpertGroup>(name, geometry_.cells(), rows_,
                                          StepTimeModel(step_time_, geometry_));
  }
  ++group->nodes;
  return group.get();
}

void Fleet::LeaveGroup(ExpertGroup* group) {
  if (--group->nodes == 0) groups_.erase(group->name);
}

}  // namespace eldr

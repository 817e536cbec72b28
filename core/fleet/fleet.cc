#include "core/fleet/fleet.h"

#include <algorithm>
#include <limits>
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

void Fleet::AddCopy(const DecodeNode& copy) {
  DecodeNode& node = Add(copy.spec, copy.ordinal);
  ExpertGroup* const group = node.group;
  node = copy;
  node.group = group;
  node.lease_list.clear();
  node.leases = 0;
  node.sequences = 0;
  node.kv_tokens = 0;
  node.context_tokens = 0;
  node.query_marks = 0;
}

void Fleet::SetSteps(const std::string& group, const StepTimeModel& step_time) {
  if (const auto it = groups_.find(group); it != groups_.end()) it->second->step_time = step_time;
}

void Fleet::Respecify(DecodeNode& node, NodeSpec spec) {
  // Joining before leaving keeps a group of one, and its object, if the name stays.
  ExpertGroup* group = JoinGroup(spec.group_name());
  LeaveGroup(node.group);
  node.group = group;
  node.contact = ContactOf(spec);
  node.spec = std::move(spec);
}

Disbeliefs Fleet::ObserveSteps(const DecodeNode& node, absl::Span<const StepStats> steps) {
  ExpertGroup& group = *node.group;
  const double nodes = group.nodes;
  Disbeliefs disbeliefs;
  std::vector<StepStats> of_group(steps.begin(), steps.end());
  for (StepStats& stats : of_group) {
    if (!ExpertsArePlausible(stats, node.spec.tokens_per_step)) {
      disbeliefs.set(static_cast<std::size_t>(Disbelief::kExperts));
      stats.mean_distinct_experts.reset();  // the rest may be right
    }
    // A node reports its own part of a batch that the group's nodes share evenly.
    if (stats.mean_distinct_experts && group.nodes > 1) {
      stats.mean_distinct_experts =
          ExpertsAtBatch(*stats.mean_distinct_experts, stats.mean_batch, stats.mean_batch * nodes,
                         static_cast<double>(geometry_.cells()));
    }
    stats.max_batch = static_cast<std::uint32_t>(std::min<std::uint64_t>(
        std::uint64_t{stats.max_batch} * group.nodes, std::numeric_limits<std::uint32_t>::max()));
    stats.mean_batch *= nodes;
    if (stats.mean_context_tokens) *stats.mean_context_tokens *= nodes;
  }
  return disbeliefs |
         group.step_time.Observe(of_group, group.residency.expected_experts(), group.sequences);
}

bool Fleet::ExpertsArePlausible(const StepStats& stats, std::uint32_t tokens_per_step) const {
  if (!stats.mean_distinct_experts) return true;
  // Each token picks top_k of every layer. By half as many or twice as many a node may be off that
  // counts in its own way: padding, a step that began before the count did.
  const double of_a_token = static_cast<double>(geometry_.layers) * geometry_.top_k;
  const double most = of_a_token * stats.max_batch * tokens_per_step;
  const double experts = *stats.mean_distinct_experts;
  return experts >= of_a_token * std::min(stats.mean_batch, 1.0) / 2 && experts <= 2 * most;
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

// What of a model outlives the process: ModelRouter's copies and restoration.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "core/residency/residency_map.h"
#include "core/route/model_router.h"

namespace eldr {
namespace {

// Ids count microseconds since 1970 at most; a larger one is not one of ours, and would leave no
// room above it.
constexpr std::uint64_t kMaxLeaseId = std::uint64_t{1} << 62;

}  // namespace

NodeRecord RecordOf(const DecodeNode& node) {
  return {node.spec, node.ordinal, node.register_time, node.state, node.draining};
}

LeaseRecord RecordOf(const Lease& lease) {
  return {lease.id,        lease.request_id,         lease.node->spec.node_id,
          lease.sequences, lease.context_tokens,     lease.kv_tokens,
          lease.quality,   lease.signature_coverage, lease.learned,
          lease.ttl,       lease.signature_tokens,   lease.whole_prompt,
          lease.appended};
}

RestoreResult ModelRouter::Restore(ModelRecord record) {
  MutexLock lock(mutex_);
  const MonotonicTime now = clock_.Monotonic();
  RestoreResult result;
  std::sort(record.nodes.begin(), record.nodes.end(),
            [](const NodeRecord& a, const NodeRecord& b) { return a.ordinal < b.ordinal; });
  for (NodeRecord& node : record.nodes) {
    ++(RestoreNode(std::move(node), now) ? result.nodes : result.refused_nodes);
  }
  if (record.learned) {
    result.learned = prior_.Restore(std::move(record.learned->prior));
    for (const auto& [group, learned] : record.learned->step_times) {
      fleet_.RestoreSteps(group, learned);
    }
    if (record.learned->policy) policy_->Restore(*std::move(record.learned->policy));
    if (shadow_ && record.learned->shadow) {
      shadow_->policy().Restore(*std::move(record.learned->shadow));
    }
  }
  // The newest first: of two leases of one request the older had moved.
  std::sort(record.leases.begin(), record.leases.end(),
            [](const LeaseRecord& a, const LeaseRecord& b) { return a.id > b.id; });
  std::vector<Lease*> restored;
  absl::flat_hash_map<const ExpertGroup*, std::uint32_t> weights;
  for (LeaseRecord& lease_record : record.leases) {
    const DecodeNode* node = fleet_.Find(lease_record.node_id);
    Lease* lease = nullptr;
    if (node != nullptr) {
      const std::uint64_t weight =
          std::uint64_t{lease_record.sequences} * node->spec.tokens_per_step;
      std::uint32_t& sum = weights[node->group];
      if (sum + weight <= ResidencyMap::kMaxWeight) {
        lease = RestoreLease(std::move(lease_record), now);
        if (lease != nullptr) sum += static_cast<std::uint32_t>(weight);
      }
    }
    if (lease != nullptr) restored.push_back(lease);
  }
  result.leases = restored.size();
  result.refused_leases = record.leases.size() - restored.size();
  EstimateContribution(nullptr, prior_, spec_.geometry, spec_.settings.estimate,
                       absl::MakeSpan(codes_));
  fleet_.AttachRestored(restored, codes_);
  return result;
}

bool ModelRouter::RestoreNode(NodeRecord record, MonotonicTime now) {
  const NodeSpec& spec = record.spec;
  const auto nodes = fleet_.nodes();
  const bool sound = spec.model == spec_.name &&
                     ValidateNodeSpec(spec, options_.node_timeout).ok() &&
                     fleet_.Find(spec.node_id) == nullptr &&
                     (nodes.empty() || record.ordinal > nodes.back()->ordinal) &&
                     record.ordinal < kMaxLeaseId && record.state <= NodeState::kLost;
  if (!sound) return false;
  DecodeNode& node = fleet_.Add(std::move(record.spec), record.ordinal);
  node.register_time = record.register_time;
  node.state = record.state;
  node.draining = record.draining;
  if (node.state != NodeState::kReady) {
    BeginAbsence(node, now);
  } else if (node.sends_heartbeats()) {
    detector_.AwaitNode(node, now);
  }
  fleet_changed_ = true;
  return true;
}

Lease* ModelRouter::RestoreLease(LeaseRecord record, MonotonicTime now) {
  constexpr std::uint64_t kMostTokens = std::uint64_t{1} << 40;  // no sum of a table overflows
  DecodeNode* const node = fleet_.Find(record.node_id);
  const bool sound =
      record.id > 0 && record.id <= kMaxLeaseId && node->state == NodeState::kReady &&
      ValidateRequestId(record.request_id).ok() && ValidateLeaseTtl(record.ttl).ok() &&
      record.sequences > 0 && record.context_tokens <= kMostTokens &&
      record.kv_tokens <= kMostTokens && record.quality <= SignatureQuality::kMissing &&
      record.signature_coverage >= 0 && record.signature_coverage <= 1 &&
      leases_.Find(record.request_id) == nullptr;
  if (!sound) return nullptr;
  std::unique_ptr<Lease> lease = leases_.NewLease();
  lease->id = record.id;
  lease->request_id = std::move(record.request_id);
  lease->node = node;
  lease->sequences = record.sequences;
  lease->context_tokens = record.context_tokens;
  lease->kv_tokens = record.kv_tokens;
  lease->quality = record.quality;
  lease->signature_coverage = record.signature_coverage;
  lease->signature_tokens = record.signature_tokens;
  lease->whole_prompt = record.whole_prompt;
  lease->appended = record.appended;
  lease->learned = record.learned;
  lease->ttl = record.ttl;
  lease->placed_at = now;
  lease->expires_at = now + lease->ttl;
  return leases_.Insert(std::move(lease));
}

std::size_t ModelRouter::RestoreContributions(absl::Span<const ContributionRecord> contributions) {
  MutexLock lock(mutex_);
  std::size_t restored = 0;
  for (const ContributionRecord& record : contributions) {
    Lease* const lease = leases_.Find(record.request_id);
    if (lease == nullptr || lease->id != record.lease_id || !lease->contribution.empty() ||
        record.codes.size() != spec_.geometry.cells()) {
      continue;
    }
    fleet_.ReplaceContribution(*lease, record.codes);
    ++restored;
  }
  return restored;
}

ModelRecord ModelRouter::Copy() const {
  MutexLock lock(mutex_);
  ModelRecord record = {spec_.name, spec_.geometry, spec_.settings.policy, {}, {}, std::nullopt};
  for (const auto& node : fleet_.nodes()) record.nodes.push_back(RecordOf(*node));
  record.leases.reserve(leases_.size());
  leases_.ForEach([&](const Lease& lease) { record.leases.push_back(RecordOf(lease)); });
  return record;
}

std::vector<ContributionRecord> ModelRouter::CopyContributions(
    absl::Span<const std::string> request_ids) const {
  MutexLock lock(mutex_);
  std::vector<ContributionRecord> records;
  records.reserve(request_ids.size());
  for (const std::string& id : request_ids) {
    const Lease* const lease = leases_.Find(id);
    // One without a contribution of its own is restored without one again.
    if (lease == nullptr || lease->contribution.empty()) continue;
    records.push_back({lease->id, id, lease->contribution});
  }
  return records;
}

LearnedRecord ModelRouter::CopyLearned(LearnedVersions& versions) const {
  MutexLock lock(mutex_);
  LearnedRecord record;
  record.prior = prior_.Save();
  absl::flat_hash_set<const ExpertGroup*> seen;
  for (const auto& node : fleet_.nodes()) {
    const ExpertGroup& group = *node->group;
    if (group.step_time.unlearned() || !seen.insert(&group).second) continue;
    record.step_times.push_back({group.name, group.step_time.Save()});
  }
  const auto copy = [](const Policy& policy, std::uint64_t& known,
                       std::optional<PolicyMemory>& memory) {
    const std::uint64_t version = policy.memory_version();
    if (std::exchange(known, version) != version) memory = policy.Save();
  };
  copy(*policy_, versions.policy, record.policy);
  if (shadow_) copy(shadow_->policy(), versions.shadow, record.shadow);
  return record;
}

}  // namespace eldr

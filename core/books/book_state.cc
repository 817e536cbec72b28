// Books beyond a process: what is restored of a former one's, snapshots, digests.
#include <algorithm>
#include <bit>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "core/base/stable_hash.h"
#include "core/base/status_macros.h"
#include "core/books/book.h"
#include "core/books/lease_fields.h"
#include "core/residency/residency_map.h"

namespace eldr {
namespace {

// Ids count microseconds since 1970 at most; a larger one is not one of ours, and would leave no
// room above it.
constexpr std::uint64_t kMaxLeaseId = std::uint64_t{1} << 62;

// Takes in values in their order.
class Hasher {
 public:
  void Add(std::uint64_t value) { hash_ = Mix64(hash_ ^ value) + 1; }
  void Add(double value) { Add(std::bit_cast<std::uint64_t>(value)); }
  void Add(absl::string_view text) {
    Add(std::uint64_t{text.size()});
    hash_ = Mix64(StableHash(text, hash_));
  }
  void Add(absl::Span<const std::uint8_t> bytes) {
    Add(absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  void Add(absl::Duration duration) {
    absl::Duration rest;
    Add(static_cast<std::uint64_t>(absl::IDivDuration(duration, absl::Seconds(1), &rest)));
    Add(static_cast<std::uint64_t>(absl::ToInt64Nanoseconds(rest)));
  }
  std::uint64_t hash() const { return hash_; }

 private:
  std::uint64_t hash_ = 0;
};

void AddLease(const Lease& lease, Hasher& hasher) {
  hasher.Add(lease.id);
  hasher.Add(lease.request_id);
  hasher.Add(lease.node->spec.node_id);
  hasher.Add(absl::MakeConstSpan(lease.contribution));
  for (const std::uint64_t value :
       {std::uint64_t{lease.multiplicity}, std::uint64_t{lease.sequences}, lease.context_tokens,
        lease.kv_tokens, static_cast<std::uint64_t>(lease.quality),
        std::uint64_t{lease.signature_tokens}, std::uint64_t{lease.whole_prompt},
        std::uint64_t{lease.appended}, std::uint64_t{lease.learned}}) {
    hasher.Add(value);
  }
  hasher.Add(lease.signature_coverage);
  for (const absl::Duration time : {lease.ttl, lease.placed_at, lease.expires_at}) hasher.Add(time);
}

void AddNode(const DecodeNode& node, Hasher& hasher) {
  hasher.Add(node.spec.node_id);
  hasher.Add(node.spec.address);
  for (const std::uint64_t value :
       {node.spec.incarnation, node.ordinal, static_cast<std::uint64_t>(node.state),
        std::uint64_t{node.draining}, std::uint64_t{node.leaving}, std::uint64_t{node.leases},
        std::uint64_t{node.sequences}, node.kv_tokens, node.context_tokens,
        std::uint64_t{node.reported_running}, std::uint64_t{node.reported_queued},
        std::uint64_t{node.placed_since_report}, std::uint64_t{node.ended_since_report}}) {
    hasher.Add(value);
  }
  hasher.Add(node.reported_kv_usage.value_or(-1));
  const ExpertGroup& group = *node.group;
  hasher.Add(group.name);
  for (const std::uint64_t value :
       {std::uint64_t{group.leases}, std::uint64_t{group.sequences}, group.context_tokens}) {
    hasher.Add(value);
  }
  for (const std::int64_t hazard : group.residency.Hazard()) {
    hasher.Add(static_cast<std::uint64_t>(hazard));
  }
}

std::vector<const Lease*> InOrder(const LeaseTable& leases) {
  std::vector<const Lease*> all;
  all.reserve(leases.size());
  leases.ForEach([&](const Lease& lease) { all.push_back(&lease); });
  std::sort(all.begin(), all.end(), [](const Lease* a, const Lease* b) { return a->id < b->id; });
  return all;
}

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

absl::StatusOr<Applied> Book::Make(const BookRestored& restored, MonotonicTime at) {
  if (!fleet_.nodes().empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "model \"", options_.model, "\" has nodes, expected none before it is restored"));
  }
  ELDR_RETURN_IF_ERROR(CheckCodes(restored.stand_in));
  Applied applied;
  RestoreResult& result = applied.restored;
  for (const NodeRecord& node : restored.nodes) {
    ++(RestoreNode(node, at) ? result.nodes : result.refused_nodes);
  }
  for (const GroupSteps& steps : restored.steps) {
    fleet_.RestoreSteps(steps.expert_group, steps.learned);
  }
  std::vector<Lease*> leases;
  absl::flat_hash_map<const ExpertGroup*, std::uint64_t> weights;
  for (const LeaseRecord& record : restored.leases) {
    const DecodeNode* const node = fleet_.Find(record.node_id);
    if (node == nullptr) continue;
    const std::uint64_t weight = std::uint64_t{record.sequences} * node->spec.tokens_per_step;
    std::uint64_t& sum = weights[node->group];
    if (sum + weight > ResidencyMap::kMaxWeight) continue;
    Lease* const lease = RestoreLease(record, at);
    if (lease == nullptr) continue;
    sum += weight;
    last_lease_id_ = std::max(last_lease_id_, lease->id);
    leases.push_back(lease);
  }
  result.leases = leases.size();
  result.refused_leases = restored.leases.size() - leases.size();
  fleet_.AttachRestored(leases, restored.stand_in);
  return applied;
}

bool Book::RestoreNode(const NodeRecord& record, MonotonicTime at) {
  const NodeSpec& spec = record.spec;
  const auto nodes = fleet_.nodes();
  const bool sound = spec.model == options_.model &&
                     ValidateNodeSpec(spec, options_.silence.node_timeout).ok() &&
                     fleet_.Find(spec.node_id) == nullptr &&
                     (nodes.empty() || record.ordinal > nodes.back()->ordinal) &&
                     record.ordinal < kMaxLeaseId && record.state <= NodeState::kLost;
  if (!sound) return false;
  DecodeNode& node = fleet_.Add(spec, record.ordinal);
  node.register_time = record.register_time;
  node.state = record.state;
  node.draining = record.draining;
  if (node.state != NodeState::kReady) {
    BeginAbsence(node, at);
  } else if (node.sends_heartbeats()) {
    detector_.AwaitNode(node, at);
  }
  ++fleet_version_;
  return true;
}

Lease* Book::RestoreLease(const LeaseRecord& record, MonotonicTime at) {
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
  Fill(record, *node, at, *lease);
  return leases_.Insert(std::move(lease));
}

absl::StatusOr<Applied> Book::Make(const ContributionRestored& restored, MonotonicTime /*at*/) {
  const ContributionRecord& record = restored.contribution;
  ELDR_ASSIGN_OR_RETURN(Lease* const lease, LeaseOf(record.request_id, record.lease_id));
  ELDR_RETURN_IF_ERROR(CheckCodes(record.codes));
  if (!lease->contribution.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "request_id: \"", record.request_id, "\" has a contribution, of a later signature"));
  }
  fleet_.ReplaceContribution(*lease, record.codes);
  return Applied{.lease = lease};
}

BookSnapshot Book::Snapshot() const {
  BookSnapshot snapshot = {
      last_number_, last_lease_id_, fleet_.next_ordinal(), {}, {}, fleet_.stand_in(), {},
      tombstones_,  detector_,      next_forget_};
  snapshot.nodes.reserve(fleet_.nodes().size());
  for (const auto& node : fleet_.nodes()) {
    snapshot.steps.try_emplace(node->group->name, node->group->step_time);
    DecodeNode& copy = snapshot.nodes.emplace_back(*node);
    copy.group = nullptr;
    copy.lease_list.clear();
  }
  snapshot.leases.reserve(leases_.size());
  for (const Lease* lease : InOrder(leases_)) {
    snapshot.leases.push_back({lease->node->spec.node_id, *lease});
    snapshot.leases.back().lease.node = nullptr;
  }
  return snapshot;
}

Book::Book(Options options, const BookSnapshot& snapshot)
    : options_(std::move(options)),
      last_number_(snapshot.number),
      last_lease_id_(snapshot.last_lease_id),
      fleet_version_(1),
      fleet_(options_.geometry, options_.step_time),
      tombstones_(snapshot.tombstones),
      detector_(snapshot.detector),
      next_forget_(snapshot.next_forget) {
  for (const DecodeNode& node : snapshot.nodes) fleet_.AddCopy(node);
  for (const auto& [group, steps] : snapshot.steps) fleet_.SetSteps(group, steps);
  fleet_.ContinueOrdinals(snapshot.next_ordinal);
  std::vector<Lease*> restored;
  for (const BookSnapshot::HeldLease& held : snapshot.leases) {
    auto lease = std::make_unique<Lease>(held.lease);
    lease->node = fleet_.Find(held.node_id);
    Lease* const inserted = leases_.Insert(std::move(lease));
    if (!inserted->contribution.empty()) {
      fleet_.Attach(*inserted);
    } else {
      restored.push_back(inserted);
    }
  }
  fleet_.AttachRestored(restored, snapshot.stand_in);
}

std::uint64_t Book::Digest() const {
  Hasher hasher;
  hasher.Add(last_lease_id_);
  for (const Lease* lease : InOrder(leases_)) AddLease(*lease, hasher);
  for (const auto& node : fleet_.nodes()) AddNode(*node, hasher);
  return hasher.hash();
}

}  // namespace eldr

// What of a model outlives the process: ModelRouter's copies and restoration.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "core/residency/contribution.h"
#include "core/route/model_router.h"

namespace eldr {

RestoreResult ModelRouter::Restore(ModelRecord record) {
  MutexLock lock(mutex_);
  BookRestored book = {std::move(record.nodes),
                       std::move(record.leases),
                       {},
                       std::vector<std::uint8_t>(spec_.geometry.cells())};
  std::sort(book.nodes.begin(), book.nodes.end(),
            [](const NodeRecord& a, const NodeRecord& b) { return a.ordinal < b.ordinal; });
  std::sort(book.leases.begin(), book.leases.end(),
            [](const LeaseRecord& a, const LeaseRecord& b) { return a.id > b.id; });
  bool learned = false;
  if (record.learned) {
    learned = prior_.Restore(std::move(record.learned->prior));
    book.steps = std::move(record.learned->step_times);
  }
  EstimateContribution(nullptr, prior_, spec_.geometry, spec_.settings.estimate,
                       absl::MakeSpan(book.stand_in));
  Change change = {.what = std::move(book)};
  RestoreResult result = keeper_.Commit(change, clock_.Monotonic()).value().restored;
  result.learned = learned;
  ContinueLeaseIds(next_lease_id_, book_.last_lease_id());
  if (record.learned && record.learned->policy) {
    seat_.policy().Restore(*std::move(record.learned->policy));
  }
  if (record.learned && record.learned->shadow && shadow_) {
    shadow_->policy().Restore(*std::move(record.learned->shadow));
  }
  return result;
}

std::size_t ModelRouter::RestoreContributions(absl::Span<const ContributionRecord> contributions) {
  MutexLock lock(mutex_);
  const MonotonicTime now = clock_.Monotonic();
  std::size_t restored = 0;
  for (const ContributionRecord& record : contributions) {
    Change change = {.what = ContributionRestored{record}};
    if (keeper_.Commit(change, now).ok()) ++restored;
  }
  return restored;
}

BookSnapshot ModelRouter::SnapshotBook() const {
  MutexLock lock(mutex_);
  return book_.Snapshot();
}

std::uint64_t ModelRouter::DigestBook() const {
  MutexLock lock(mutex_);
  return book_.Digest();
}

ModelRecord ModelRouter::Copy() const {
  MutexLock lock(mutex_);
  ModelRecord record = {spec_.name, spec_.geometry, spec_.settings.policy, {},
                        {},         std::nullopt,   book_.last_number()};
  for (const auto& node : book_.fleet().nodes()) record.nodes.push_back(RecordOf(*node));
  record.leases.reserve(book_.leases().size());
  book_.leases().ForEach([&](const Lease& lease) { record.leases.push_back(RecordOf(lease)); });
  return record;
}

std::vector<ContributionRecord> ModelRouter::CopyContributions(
    absl::Span<const std::string> request_ids) const {
  MutexLock lock(mutex_);
  std::vector<ContributionRecord> records;
  records.reserve(request_ids.size());
  for (const std::string& id : request_ids) {
    const Lease* const lease = book_.FindLease(id);
    // One without a contribution of its own is restored without one again.
    if (lease == nullptr || lease->contribution.empty()) continue;
    records.push_back({lease->id, id, lease->contribution});
  }
  return records;
}

ActivationPrior::Learned ModelRouter::CopyPrior() const {
  MutexLock lock(mutex_);
  return prior_.Save();
}

LearnedRecord ModelRouter::CopyLearned(LearnedVersions& versions) const {
  MutexLock lock(mutex_);
  LearnedRecord record;
  record.prior = prior_.Save();
  absl::flat_hash_set<const ExpertGroup*> seen;
  for (const auto& node : book_.fleet().nodes()) {
    const ExpertGroup& group = *node->group;
    if (group.step_time.unlearned() || !seen.insert(&group).second) continue;
    record.step_times.push_back({group.name, group.step_time.Save()});
  }
  const auto copy = [](const Policy& policy, std::uint64_t& known,
                       std::optional<PolicyMemory>& memory) {
    const std::uint64_t version = policy.memory_version();
    if (std::exchange(known, version) != version) memory = policy.Save();
  };
  copy(seat_.policy(), versions.policy, record.policy);
  if (shadow_) copy(shadow_->policy(), versions.shadow, record.shadow);
  return record;
}

}  // namespace eldr

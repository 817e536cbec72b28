// The whole of a router's state, and what was learned, written at once; changes are written by
// state_store.cc.
#include <utility>

#include "core/base/status_macros.h"
#include "server/state/state_convert.h"
#include "server/state/state_store.h"

namespace eldr {
namespace {

// Contributions copied per hold of their model's lock.
constexpr std::size_t kCopiedPerLock = 16;

}  // namespace

absl::Status StateStore::WriteAllLearned() {
  if (router_ == nullptr) return absl::OkStatus();
  const std::vector<ModelDescription> models = router_->ListModels();
  if (models.empty()) return absl::OkStatus();
  ELDR_RETURN_IF_ERROR(file_->Begin());
  for (const ModelDescription& model : models) {
    ELDR_RETURN_IF_ERROR(WriteLearned(*file_, model.spec.name));
  }
  return file_->Commit();
}

absl::Status StateStore::WriteLearned(StateFile& file, const std::string& model) {
  LearnedRecord learned;
  ELDR_ASSIGN_OR_RETURN(learned, router_->CopyLearned(model, learned_versions_[model]));
  ELDR_RETURN_IF_ERROR(file.Put(StateFile::Kind::kLearned, model, EncodeLearned(learned)));
  if (learned.policy) {
    ELDR_RETURN_IF_ERROR(file.Put(StateFile::Kind::kPolicy, model, EncodeMemory(*learned.policy)));
  }
  if (!learned.shadow) return absl::OkStatus();
  return file.Put(StateFile::Kind::kShadow, model, EncodeMemory(*learned.shadow));
}

bool StateStore::keeping() {
  MutexLock lock(mutex_);
  return keeping_ == Keeping::kYes;
}

void StateStore::Rewrite() {
  const MonotonicTime start = clock_.Monotonic();
  if (!keeping()) AnswerAll();
  absl::Status written = BuildAnew();
  if (!written.ok()) {
    // What was built only takes room that others may need, and what it knew is not written yet.
    folder_->Discard().IgnoreError();
    learned_versions_.clear();
    metrics_.failed_writes.Increment();
    if (!keeping()) return StopKeeping(written);
    // The old file lacks nothing: it only holds too much.
    next_rewrite_ = clock_.Monotonic() + kRewriteInterval;
    if (std::exchange(told_not_rewritten_, true)) return;
    log_.Warning("state_not_rewritten",
                 {{"file", folder_->path()}, {"message", written.message()}});
    return;
  }
  written = TakePlace();
  if (!written.ok()) {
    metrics_.failed_writes.Increment();
    return StopKeeping(written);
  }
  rewrite_ = false;
  told_not_kept_ = false;
  told_not_rewritten_ = false;
  {
    MutexLock lock(mutex_);
    if (keeping_ == Keeping::kNo) return;  // it has overflown meanwhile
    keeping_ = Keeping::kYes;
  }
  metrics_.kept.Set(1);
  log_.Info("state_rewritten", {{"file", folder_->path()},
                                {"bytes", file_->bytes()},
                                {"ms", absl::ToDoubleMilliseconds(clock_.Monotonic() - start)}});
}

absl::Status StateStore::BuildAnew() {
  std::unique_ptr<StateFile> built;
  ELDR_RETURN_IF_ERROR(folder_->Claim());
  ELDR_RETURN_IF_ERROR(folder_->Discard());
  ELDR_ASSIGN_OR_RETURN(built, StateFile::Build(folder_->unfinished()));
  {
    // From now on changes are queued, and written after the copies, which may know them already:
    // writing a change again does no harm.
    MutexLock lock(mutex_);
    if (keeping_ == Keeping::kNo) keeping_ = Keeping::kCatchingUp;
  }
  learned_versions_.clear();
  for (const ModelDescription& model : router_->ListModels()) {
    ELDR_RETURN_IF_ERROR(WriteModel(*built, model));
  }
  const std::uint64_t last_lease = LastLeaseId();
  if (last_lease > 0) ELDR_RETURN_IF_ERROR(built->PutLastLeaseId(last_lease));
  ELDR_RETURN_IF_ERROR(StateFile::Finish(std::move(built)));
  stored_last_lease_ = last_lease;
  return absl::OkStatus();
}

absl::Status StateStore::TakePlace() {
  ELDR_RETURN_IF_ERROR(folder_->Commit());
  // A file that was damaged is for whoever wants to know what happened to it.
  const bool damaged = file_ != nullptr && (file_->damaged() || file_->bad_rows() > 0);
  if (file_ != nullptr) StateFile::Abandon(std::move(file_));
  ELDR_RETURN_IF_ERROR(
      folder_->Settle(damaged ? StateFolder::Old::kKeepAsDamaged : StateFolder::Old::kRemove));
  ELDR_ASSIGN_OR_RETURN(file_, StateFile::Open(folder_->path(), durable()));
  folder_->NoteOpened();
  return absl::OkStatus();
}

absl::Status StateStore::WriteModel(StateFile& file, const ModelDescription& model) {
  const std::string& name = model.spec.name;
  ModelRecord record;
  ELDR_ASSIGN_OR_RETURN(record, router_->CopyModel(name));
  ELDR_RETURN_IF_ERROR(
      file.Put(StateFile::Kind::kModel, name, EncodeModel(name, record.geometry, record.policy)));
  ELDR_RETURN_IF_ERROR(WriteLearned(file, name));
  for (const NodeRecord& node : record.nodes) {
    ELDR_RETURN_IF_ERROR(file.Put(StateFile::Kind::kNode, node.spec.node_id, EncodeNode(node)));
  }
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < record.leases.size(); ++i) {
    const LeaseRecord& lease = record.leases[i];
    ELDR_RETURN_IF_ERROR(file.PutLease(lease.id, EncodeLease(name, lease)));
    ids.push_back(lease.request_id);
    if (ids.size() < kCopiedPerLock && i + 1 < record.leases.size()) continue;
    std::vector<ContributionRecord> contributions;
    ELDR_ASSIGN_OR_RETURN(contributions, router_->CopyContributions(name, ids));
    ids.clear();
    for (const ContributionRecord& contribution : contributions) {
      ELDR_RETURN_IF_ERROR(file.PutContribution(contribution.lease_id, contribution.codes));
    }
  }
  metrics_.records.Increment(static_cast<double>(record.leases.size() + record.nodes.size() + 1));
  return absl::OkStatus();
}

}  // namespace eldr

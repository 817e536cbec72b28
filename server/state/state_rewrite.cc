// The whole of a router's state, and what was learned, written at once; changes are written by
// state_store.cc.
#include <algorithm>
#include <filesystem>

#include "core/base/status_macros.h"
#include "server/state/state_convert.h"
#include "server/state/state_store.h"

namespace eldr {
namespace {

// Leases written per transaction when all are.
constexpr std::size_t kRewritePart = 2048;
// Contributions copied per hold of their model's lock.
constexpr std::size_t kCopiedPerLock = 16;

}  // namespace

absl::Status StateStore::WriteLearned() {
  if (router_ == nullptr) return absl::OkStatus();
  const std::vector<ModelDescription> models = router_->ListModels();
  if (models.empty()) return absl::OkStatus();
  ELDR_RETURN_IF_ERROR(file_->Begin());
  for (const ModelDescription& model : models) {
    ELDR_RETURN_IF_ERROR(WriteLearned(model.spec.name));
  }
  return file_->Commit();
}

absl::Status StateStore::WriteLearned(const std::string& model) {
  LearnedRecord learned;
  ELDR_ASSIGN_OR_RETURN(learned, router_->CopyLearned(model, learned_versions_[model]));
  ELDR_RETURN_IF_ERROR(file_->Put(StateFile::Kind::kLearned, model, EncodeLearned(learned)));
  if (learned.policy) {
    ELDR_RETURN_IF_ERROR(
        file_->Put(StateFile::Kind::kPolicy, model, EncodeMemory(*learned.policy)));
  }
  if (!learned.shadow) return absl::OkStatus();
  return file_->Put(StateFile::Kind::kShadow, model, EncodeMemory(*learned.shadow));
}

absl::Status StateStore::Rewrite() {
  const MonotonicTime start = clock_.Monotonic();
  const bool was_damaged = file_ != nullptr && (file_->damaged() || file_->bad_rows() > 0);
  file_.reset();
  if (was_damaged) {
    // For whoever wants to know what happened to it.
    std::error_code error;
    std::filesystem::rename(path(), path() + ".damaged", error);
    std::filesystem::rename(path() + "-wal", path() + ".damaged-wal", error);
  }
  ELDR_ASSIGN_OR_RETURN(file_, StateFile::Replace(path(), durable()));
  {
    // From now on changes are queued, and written after the copies, which may know them already:
    // writing a change again does no harm.
    std::lock_guard<std::mutex> lock(mutex_);
    keeping_ = true;
  }
  learned_versions_.clear();
  for (const ModelDescription& model : router_->ListModels()) {
    ELDR_RETURN_IF_ERROR(RewriteModel(model));
  }
  rewrite_ = false;
  metrics_.kept.Set(1);
  log_.Info("state_rewritten", {{"file", path()},
                                {"bytes", file_->bytes()},
                                {"ms", absl::ToDoubleMilliseconds(clock_.Monotonic() - start)}});
  return absl::OkStatus();
}

absl::Status StateStore::RewriteModel(const ModelDescription& model) {
  const std::string& name = model.spec.name;
  ModelRecord record;
  ELDR_ASSIGN_OR_RETURN(record, router_->CopyModel(name));
  ELDR_RETURN_IF_ERROR(file_->Begin());
  ELDR_RETURN_IF_ERROR(
      file_->Put(StateFile::Kind::kModel, name, EncodeModel(name, record.geometry, record.policy)));
  ELDR_RETURN_IF_ERROR(WriteLearned(name));
  for (const NodeRecord& node : record.nodes) {
    ELDR_RETURN_IF_ERROR(file_->Put(StateFile::Kind::kNode, node.spec.node_id, EncodeNode(node)));
  }
  std::uint64_t last_lease = 0;
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < record.leases.size(); ++i) {
    const LeaseRecord& lease = record.leases[i];
    last_lease = std::max(last_lease, lease.id);
    ELDR_RETURN_IF_ERROR(file_->PutLease(lease.id, EncodeLease(name, lease)));
    ids.push_back(lease.request_id);
    const bool part_ends = i + 1 == record.leases.size() || (i + 1) % kRewritePart == 0;
    if (ids.size() < kCopiedPerLock && !part_ends) continue;
    std::vector<ContributionRecord> contributions;
    ELDR_ASSIGN_OR_RETURN(contributions, router_->CopyContributions(name, ids));
    ids.clear();
    for (const ContributionRecord& contribution : contributions) {
      ELDR_RETURN_IF_ERROR(file_->PutContribution(contribution.lease_id, contribution.codes));
    }
    if (!part_ends) continue;
    ELDR_RETURN_IF_ERROR(file_->Commit());
    file_->MaybeCheckpoint();
    ELDR_RETURN_IF_ERROR(file_->Begin());
  }
  if (last_lease > 0) ELDR_RETURN_IF_ERROR(file_->PutLastLeaseId(last_lease));
  metrics_.records.Increment(static_cast<double>(record.leases.size() + record.nodes.size() + 1));
  return file_->Commit();
}

}  // namespace eldr

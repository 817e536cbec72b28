// The part of Router that keeps it beyond its process.
#include "core/route/router_state.h"

#include <atomic>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/route/model_router.h"
#include "core/route/router.h"

namespace eldr {

void ContinueLeaseIds(std::atomic<std::uint64_t>& next, std::uint64_t last) {
  std::uint64_t before = next.load();
  while (before <= last && !next.compare_exchange_weak(before, last + 1)) {
  }
}

absl::StatusOr<RestoreResult> Router::Restore(ModelRecord record) {
  ELDR_ASSIGN_OR_RETURN(ModelRouter* const model, FindModel(record.name));
  const ModelGeometry& geometry = model->spec().geometry;
  if (!(geometry == record.geometry)) {
    return absl::FailedPreconditionError(
        absl::StrCat("model \"", record.name, "\" is declared with ", DescribeGeometry(geometry),
                     ", and was kept with ", DescribeGeometry(record.geometry)));
  }
  if (!model->ListNodes().empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("model \"", record.name, "\" has nodes, expected none before it is restored"));
  }
  // The ids are taken before the nodes are there, so that no other model takes them meanwhile.
  std::vector<std::string> taken;
  std::vector<NodeRecord> nodes;
  {
    MutexLock lock(nodes_mutex_);
    for (NodeRecord& node : record.nodes) {
      if (!nodes_.try_emplace(node.spec.node_id, model).second) continue;  // of another model
      taken.push_back(node.spec.node_id);
      nodes.push_back(std::move(node));
    }
  }
  const auto refused = static_cast<std::uint32_t>(record.nodes.size() - nodes.size());
  record.nodes = std::move(nodes);
  RestoreResult result = model->Restore(std::move(record));
  result.refused_nodes += refused;
  absl::flat_hash_set<std::string> restored;
  for (NodeStatus& node : model->ListNodes()) restored.insert(std::move(node.spec.node_id));
  MutexLock lock(nodes_mutex_);
  for (const std::string& id : taken) {
    if (!restored.contains(id)) nodes_.erase(id);
  }
  return result;
}

absl::StatusOr<std::size_t> Router::RestoreContributions(
    absl::string_view model_name, absl::Span<const ContributionRecord> contributions) {
  ELDR_ASSIGN_OR_RETURN(ModelRouter* const model, FindModel(model_name));
  return model->RestoreContributions(contributions);
}

void Router::ContinueLeaseIds(std::uint64_t last) { eldr::ContinueLeaseIds(next_lease_id_, last); }

absl::StatusOr<BookSnapshot> Router::SnapshotBook(absl::string_view model_name) const {
  ELDR_ASSIGN_OR_RETURN(const ModelRouter* const model, FindModel(model_name));
  return model->SnapshotBook();
}

absl::StatusOr<std::uint64_t> Router::DigestBook(absl::string_view model_name) const {
  ELDR_ASSIGN_OR_RETURN(const ModelRouter* const model, FindModel(model_name));
  return model->DigestBook();
}

absl::StatusOr<ModelRecord> Router::CopyModel(absl::string_view model_name) const {
  ELDR_ASSIGN_OR_RETURN(const ModelRouter* const model, FindModel(model_name));
  return model->Copy();
}

absl::StatusOr<std::vector<ContributionRecord>> Router::CopyContributions(
    absl::string_view model_name, absl::Span<const std::string> request_ids) const {
  ELDR_ASSIGN_OR_RETURN(const ModelRouter* const model, FindModel(model_name));
  return model->CopyContributions(request_ids);
}

absl::StatusOr<ActivationPrior::Learned> Router::CopyPrior(absl::string_view model_name) const {
  ELDR_ASSIGN_OR_RETURN(const ModelRouter* const model, FindModel(model_name));
  return model->CopyPrior();
}

absl::StatusOr<LearnedRecord> Router::CopyLearned(absl::string_view model_name,
                                                  LearnedVersions& versions) const {
  ELDR_ASSIGN_OR_RETURN(const ModelRouter* const model, FindModel(model_name));
  return model->CopyLearned(versions);
}

}  // namespace eldr

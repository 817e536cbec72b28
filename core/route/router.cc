#include "core/route/router.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/limit_exceeded.h"
#include "core/base/near_names.h"
#include "core/base/status_macros.h"
#include "core/route/model_router.h"
#include "core/route/router_ranges.h"

namespace eldr {
namespace {

absl::Status ValidateOptions(const Router::Options& options) {
  ELDR_RETURN_IF_ERROR(CheckRange("lease_ttl", options.lease_ttl, kLeaseTtlRange));
  ELDR_RETURN_IF_ERROR(CheckRange("signature_ttl", options.signature_ttl, kSignatureTtlRange));
  ELDR_RETURN_IF_ERROR(CheckRange("node_timeout", options.node_timeout, kNodeTimeoutRange));
  ELDR_RETURN_IF_ERROR(
      CheckRange("panic_threshold", options.panic_threshold, kPanicThresholdRange));
  ELDR_RETURN_IF_ERROR(
      CheckRange("forget_lost_after", options.forget_lost_after, kForgetLostAfterRange));
  ELDR_RETURN_IF_ERROR(CheckRange("confirm_grace", options.confirm_grace, kConfirmGraceRange));
  ELDR_RETURN_IF_ERROR(CheckRange("max_kv_usage", options.max_kv_usage, kMaxKvUsageRange));
  const struct {
    absl::string_view name;
    std::uint64_t value;
    const Range<std::uint64_t>& range;
  } numbers[] = {
      {"signature_store_bytes", options.signature_store_bytes, kStoreBytesRange},
      {"block_store_bytes", options.block_store_bytes, kStoreBytesRange},
      {"max_panic_timeouts", options.max_panic_timeouts, kMaxPanicTimeoutsRange},
      {"max_models", options.max_models, kMaxModelsRange},
      {"max_nodes_per_model", options.max_nodes_per_model, kMaxNodesPerModelRange},
      {"max_leases_per_model", options.max_leases_per_model, kMaxLeasesPerModelRange},
      {"receipts", options.receipts, kReceiptsRange},
  };
  for (const auto& number : numbers) {
    ELDR_RETURN_IF_ERROR(CheckRange(number.name, number.value, number.range));
  }
  return absl::OkStatus();
}

absl::Status ValidateModelSpec(const ModelSpec& spec) {
  if (!kModelNameBytesRange.Contains(spec.name.size())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "name: got ", spec.name.size(), " bytes, expected ", DescribeRange(kModelNameBytesRange)));
  }
  ELDR_RETURN_IF_ERROR(ValidateGeometry(spec.geometry));
  ELDR_RETURN_IF_ERROR(ValidatePolicySettings(spec.settings));
  return CheckPolicyServes(spec.settings, spec.geometry);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Router>> Router::Create(Options options, const Clock& clock,
                                                       RouterObserver& observer) {
  ELDR_RETURN_IF_ERROR(ValidateOptions(options));
  return std::unique_ptr<Router>(new Router(std::move(options), clock, observer));
}

// Lease ids start at the time, so that an id of an earlier run of the daemon names no lease of
// this.
Router::Router(Options options, const Clock& clock, RouterObserver& observer)
    : options_(std::move(options)),
      clock_(clock),
      observer_(observer),
      next_lease_id_(
          static_cast<std::uint64_t>(std::max<std::int64_t>(1, absl::ToUnixMicros(clock.Wall())))) {
}

Router::~Router() = default;

absl::StatusOr<bool> Router::DeclareModel(const ModelSpec& spec) {
  return Declare(spec, options_.max_models);
}

absl::StatusOr<bool> Router::RedeclareModel(const ModelSpec& spec) {
  return Declare(spec, std::numeric_limits<std::size_t>::max());
}

absl::StatusOr<bool> Router::Declare(const ModelSpec& spec, std::size_t most_models) {
  ELDR_RETURN_IF_ERROR(ValidateModelSpec(spec));
  MutexLock lock(declare_mutex_);
  if (const ModelRouter* const model = models_.Find(spec.name)) {
    const ModelSpec& declared = model->spec();
    if (!(declared.geometry == spec.geometry)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "geometry: model \"", spec.name, "\" is declared with ",
          DescribeGeometry(declared.geometry), ", got ", DescribeGeometry(spec.geometry)));
    }
    if (!(declared.settings == spec.settings)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "policy: model \"", spec.name, "\" is declared with ", declared.settings.policy, ", got ",
          spec.settings.policy, " or other parameters"));
    }
    return false;
  }
  if (models_.size() >= most_models) {
    return LimitExceeded("models", absl::StrCat(models_.size(), " models are declared, the limit"));
  }
  auto model = std::make_unique<ModelRouter>(spec, options_, clock_, observer_, next_lease_id_);
  // Before anything can happen to it.
  observer_.OnModelDeclared(spec);
  models_.Add(std::move(model));
  return true;
}

absl::StatusOr<ModelRouter*> Router::FindModel(absl::string_view name) const {
  if (ModelRouter* const model = models_.Find(name)) return model;
  std::vector<std::string> declared;
  for (const ModelRouter* model : models_.All()) declared.push_back(model->spec().name);
  return absl::NotFoundError(absl::StrCat("model: \"", name, "\" is not declared",
                                          DescribeNearNames(name, declared),
                                          "; declare it, then retry"));
}

absl::StatusOr<ModelRouter*> Router::FindModelOfNode(absl::string_view node_id) const {
  if (ModelRouter* const model = OwnerOf(node_id)) return model;
  return absl::NotFoundError(
      absl::StrCat("node_id: \"", node_id, "\" is not registered; register again"));
}

ModelRouter* Router::OwnerOf(absl::string_view node_id) const {
  MutexLock lock(nodes_mutex_);
  const auto it = nodes_.find(node_id);
  return it == nodes_.end() ? nullptr : it->second;
}

absl::StatusOr<ModelDescription> Router::DescribeModel(absl::string_view name) const {
  ELDR_ASSIGN_OR_RETURN(const ModelRouter* const model, FindModel(name));
  return model->Describe();
}

std::vector<ModelDescription> Router::ListModels(absl::string_view after, std::size_t most) const {
  std::vector<ModelDescription> descriptions;
  for (const ModelRouter* model : models_.All()) {
    if (descriptions.size() == most) break;
    if (model->spec().name > after) descriptions.push_back(model->Describe());
  }
  return descriptions;
}

absl::StatusOr<PushResult> Router::PushSignature(const SignaturePush& push) {
  ELDR_ASSIGN_OR_RETURN(ModelRouter* const model, FindModel(push.model));
  return model->PushSignature(push);
}

absl::StatusOr<BlockUpdateResult> Router::UpdateBlocks(const BlockUpdate& update) {
  ELDR_ASSIGN_OR_RETURN(ModelRouter* const model, FindModel(update.model));
  return model->UpdateBlocks(update);
}

absl::StatusOr<Placement> Router::Place(const PlacementQuery& query) {
  ELDR_ASSIGN_OR_RETURN(ModelRouter* const model, FindModel(query.model));
  return model->Place(query);
}

absl::StatusOr<RenewResult> Router::Renew(const LeaseKey& key, std::optional<absl::Duration> ttl) {
  ELDR_ASSIGN_OR_RETURN(ModelRouter* const model, FindModel(key.model));
  return model->Renew(key, ttl);
}

absl::StatusOr<LeaseOutcome> Router::Release(const LeaseRelease& release) {
  ELDR_ASSIGN_OR_RETURN(ModelRouter* const model, FindModel(release.lease.model));
  return model->Release(release);
}

absl::StatusOr<Explanation> Router::Explain(absl::string_view model_name,
                                            absl::string_view request_id) const {
  ELDR_ASSIGN_OR_RETURN(const ModelRouter* const model, FindModel(model_name));
  return model->Explain(request_id);
}

absl::StatusOr<std::uint64_t> Router::VisitReceipts(absl::string_view model_name,
                                                    std::uint64_t first, std::uint64_t last,
                                                    ReceiptVisitor visit) const {
  ELDR_ASSIGN_OR_RETURN(const ModelRouter* const model, FindModel(model_name));
  return model->VisitReceipts(first, last, visit);
}

std::uint64_t Router::AwaitSignature(absl::string_view model_name, absl::string_view request_id,
                                     absl::AnyInvocable<void()> on_arrival) {
  const auto model = FindModel(model_name);
  return model.ok() ? (*model)->AwaitSignature(request_id, std::move(on_arrival)) : 0;
}

bool Router::CancelWait(absl::string_view model_name, std::uint64_t wait_id) {
  const auto model = FindModel(model_name);
  return model.ok() && (*model)->CancelWait(wait_id);
}

absl::StatusOr<RegisterResult> Router::RegisterNode(const NodeSpec& spec,
                                                    std::optional<NodeGuard> guard) {
  ELDR_ASSIGN_OR_RETURN(ModelRouter* const model, FindModel(spec.model));
  // Before another model's node gives way.
  ELDR_RETURN_IF_ERROR(ValidateNodeSpec(spec, options_.node_timeout));
  const NodeIdLocks::Lock node_lock(node_locks_, spec.node_id);
  ModelRouter* const owner = OwnerOf(spec.node_id);
  if (guard && owner != nullptr) {
    ELDR_RETURN_IF_ERROR(owner->CheckGuard(spec.node_id, *guard));
  }
  if (owner != nullptr && owner != model) {
    ELDR_RETURN_IF_ERROR(owner->GiveWay(spec.node_id));
  }
  auto result = model->RegisterNode(spec);
  if (result.ok()) {
    MutexLock lock(nodes_mutex_);
    nodes_[spec.node_id] = model;
  }
  return result;
}

absl::StatusOr<ModelRouter*> Router::FindGuarded(absl::string_view node_id, NodeGuard guard) const {
  ELDR_ASSIGN_OR_RETURN(ModelRouter* const model, FindModelOfNode(node_id));
  ELDR_RETURN_IF_ERROR(model->CheckGuard(node_id, guard));
  return model;
}

absl::StatusOr<HeartbeatResult> Router::Heartbeat(const NodeReport& report,
                                                  std::optional<NodeGuard> guard) {
  if (guard) {
    const NodeIdLocks::Lock node_lock(node_locks_, report.node_id);
    ELDR_ASSIGN_OR_RETURN(ModelRouter* const guarded, FindGuarded(report.node_id, *guard));
    return guarded->Heartbeat(report);
  }
  ELDR_ASSIGN_OR_RETURN(ModelRouter* const model, FindModelOfNode(report.node_id));
  return model->Heartbeat(report);
}

absl::StatusOr<std::uint32_t> Router::DrainNode(absl::string_view node_id,
                                                std::optional<NodeGuard> guard) {
  if (guard) {
    const NodeIdLocks::Lock node_lock(node_locks_, node_id);
    ELDR_ASSIGN_OR_RETURN(ModelRouter* const guarded, FindGuarded(node_id, *guard));
    return guarded->DrainNode(node_id);
  }
  ELDR_ASSIGN_OR_RETURN(ModelRouter* const model, FindModelOfNode(node_id));
  return model->DrainNode(node_id);
}

absl::StatusOr<NodeState> Router::UndrainNode(absl::string_view node_id,
                                              std::optional<NodeGuard> guard) {
  if (guard) {
    const NodeIdLocks::Lock node_lock(node_locks_, node_id);
    ELDR_ASSIGN_OR_RETURN(ModelRouter* const guarded, FindGuarded(node_id, *guard));
    return guarded->UndrainNode(node_id);
  }
  ELDR_ASSIGN_OR_RETURN(ModelRouter* const model, FindModelOfNode(node_id));
  return model->UndrainNode(node_id);
}

absl::StatusOr<RemoveResult> Router::RemoveNode(absl::string_view node_id,
                                                std::optional<NodeGuard> guard) {
  const NodeIdLocks::Lock node_lock(node_locks_, node_id);
  ModelRouter* const owner = OwnerOf(node_id);
  if (owner == nullptr) return RemoveResult{};
  if (guard) {
    ELDR_RETURN_IF_ERROR(owner->CheckGuard(node_id, *guard));
  }
  const RemoveResult result = owner->RemoveNode(node_id);
  MutexLock lock(nodes_mutex_);
  nodes_.erase(node_id);
  return result;
}

absl::StatusOr<std::vector<NodeStatus>> Router::ListNodes(absl::string_view model_name,
                                                          const NodePosition& after,
                                                          std::size_t most) const {
  std::vector<ModelRouter*> models;
  if (model_name.empty()) {
    models = models_.All();
  } else {
    ELDR_ASSIGN_OR_RETURN(ModelRouter* const model, FindModel(model_name));
    models.push_back(model);
  }
  std::vector<NodeStatus> list;
  for (const ModelRouter* model : models) {
    const std::string& name = model->spec().name;
    if (name < after.model) continue;
    std::vector<NodeStatus> nodes = model->ListNodes(
        name == after.model ? absl::string_view(after.node_id) : "", most - list.size());
    std::move(nodes.begin(), nodes.end(), std::back_inserter(list));
    if (list.size() == most) break;
  }
  return list;
}

absl::Status Router::CheckNamed(absl::string_view model_name, absl::string_view node_id) const {
  if (!model_name.empty()) ELDR_RETURN_IF_ERROR(FindModel(model_name).status());
  if (node_id.empty()) return absl::OkStatus();
  ELDR_ASSIGN_OR_RETURN(const ModelRouter* const model, FindModelOfNode(node_id));
  if (model_name.empty() || model->spec().name == model_name) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("node_id: \"", node_id, "\" is registered for model \"",
                                          model->spec().name, "\", expected one of \"", model_name,
                                          "\""));
}

absl::StatusOr<Residency> Router::GetResidency(absl::string_view node_id) const {
  ELDR_ASSIGN_OR_RETURN(const ModelRouter* const model, FindModelOfNode(node_id));
  return model->GetResidency(node_id);
}

std::vector<BackgroundJob> Router::TakeBackgroundJobs(WorkLength length) {
  std::vector<BackgroundJob> jobs;
  for (ModelRouter* model : models_.All()) model->TakeBackgroundJobs(length, jobs);
  return jobs;
}

std::vector<BackgroundJob> Router::TakeBackgroundJobs() {
  std::vector<BackgroundJob> jobs = TakeBackgroundJobs(WorkLength::kShort);
  for (BackgroundJob& job : TakeBackgroundJobs(WorkLength::kLong)) jobs.push_back(std::move(job));
  return jobs;
}

void Router::Step() {
  for (ModelRouter* model : models_.All()) {
    while (model->Step()) ModelRouter::LetOthersIn();
    DropForgotten(*model);
  }
}

void Router::DropForgotten(ModelRouter& model) {
  for (const std::string& id : model.TakeForgotten()) {
    const NodeIdLocks::Lock node_lock(node_locks_, id);
    if (OwnerOf(id) != &model || model.HasNode(id)) continue;  // it has come again
    MutexLock lock(nodes_mutex_);
    nodes_.erase(id);
  }
}

}  // namespace eldr

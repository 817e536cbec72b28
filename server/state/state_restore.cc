// How a new process takes over what the state file holds; the rest of StateStore is in
// state_store.cc.
#include <algorithm>
#include <map>
#include <utility>

#include "server/state/state_convert.h"
#include "server/state/state_store.h"

namespace eldr {
namespace {

// Contributions restored per step, and per hold of their model's lock.
constexpr int kRestoredPerStep = 1024;
constexpr std::size_t kRestoredPerLock = 16;

double Milliseconds(absl::Duration duration) { return absl::ToDoubleMilliseconds(duration); }

}  // namespace

void StateStore::Restore(Router& router, const DeclareModel& declare) {
  router_ = &router;
  restore_start_ = clock_.Monotonic();
  std::map<std::string, ModelRecord> records;
  file_->ReadAll(StateFile::Kind::kModel, [&](absl::string_view key, absl::string_view body) {
    if (auto model = DecodeModelRow(body)) records[std::string(key)] = *std::move(model);
  });
  file_->ReadAll(StateFile::Kind::kNode, [&](absl::string_view, absl::string_view body) {
    auto node = DecodeNodeRow(body);
    if (!node) return;
    const auto model = records.find(node->spec.model);
    if (model != records.end()) model->second.nodes.push_back(*std::move(node));
  });
  for (auto& [name, record] : records) {
    const std::string& model = name;
    ModelRecord& into = record;
    const auto read = [&](StateFile::Kind kind, auto take) {
      file_->ReadAll(kind, [&](absl::string_view key, absl::string_view body) {
        if (key == model) take(body);
      });
    };
    read(StateFile::Kind::kLearned,
         [&](absl::string_view body) { into.learned = DecodeLearnedRow(body); });
    if (!into.learned) continue;
    read(StateFile::Kind::kPolicy,
         [&](absl::string_view body) { into.learned->policy = DecodeMemoryRow(body); });
    read(StateFile::Kind::kShadow,
         [&](absl::string_view body) { into.learned->shadow = DecodeMemoryRow(body); });
  }
  stored_last_lease_ = file_->ReadLastLeaseId();
  std::uint64_t last_lease = stored_last_lease_;
  std::uint64_t homeless = 0;
  file_->ReadLeases([&](std::uint64_t id, absl::string_view body) {
    auto stored = DecodeLeaseRow(body);
    const auto model = stored ? records.find(stored->model) : records.end();
    if (model == records.end() || stored->lease.id != id) {
      ++homeless;
      return;
    }
    last_lease = std::max(last_lease, id);
    model->second.leases.push_back(std::move(stored->lease));
  });
  last_lease = std::min(last_lease, std::uint64_t{1} << 62);
  router.ContinueLeaseIds(last_lease);
  {
    MutexLock lock(mutex_);
    last_lease_ = std::max(last_lease_, last_lease);
  }
  metrics_.refused_leases.Increment(static_cast<double>(homeless));
  rewrite_ = homeless > 0;
  for (auto& [name, record] : records) RestoreModel(std::move(record), declare);
  WarnBeyond("limits.models", router.options().max_models, router.ListModels().size());

  if (file_->bad_rows() > 0 || file_->damaged()) {
    rewrite_ = true;
    metrics_.bad_rows.Increment(static_cast<double>(file_->bad_rows()));
    log_.Error("state_damaged", {{"file", folder_->path()},
                                 {"bad_rows", file_->bad_rows()},
                                 {"structure", file_->damaged() ? "damaged" : "sound"}});
  }
  if (file_->damaged()) {
    // Nothing can be written to it; the first Step() that can replaces it.
    metrics_.damaged.Increment();
    metrics_.kept.Set(0);
    MutexLock lock(mutex_);
    keeping_ = Keeping::kNo;
    queue_.clear();
    queued_bytes_ = 0;
  }
  restoring_ = !awaited_.empty();
}

void StateStore::RestoreModel(ModelRecord record, const DeclareModel& declare) {
  const std::string name = record.name;
  const MonotonicTime start = clock_.Monotonic();
  const std::size_t kept_leases = record.leases.size();
  const auto give_up = [&](const absl::Status& why) {
    rewrite_ = true;
    metrics_.refused_leases.Increment(static_cast<double>(kept_leases));
    log_.Error("state_not_restored", {{"model", name}, {"message", why.message()}});
  };
  if (!router_->DescribeModel(name).ok()) {
    if (const absl::Status declared = declare(record); !declared.ok()) return give_up(declared);
  }
  std::vector<std::pair<std::uint64_t, std::string>> leases;
  leases.reserve(kept_leases);
  for (const LeaseRecord& lease : record.leases) leases.emplace_back(lease.id, lease.request_id);
  const auto result = router_->Restore(std::move(record));
  if (!result.ok()) return give_up(result.status());
  for (auto& [id, request_id] : leases) {
    awaited_[id] = {models_.size(), std::move(request_id)};
  }
  models_.push_back(name);
  if (result->refused_leases + result->refused_nodes > 0) rewrite_ = true;
  WarnBeyond("limits.nodes_per_model", router_->options().max_nodes_per_model, result->nodes);
  WarnBeyond("limits.leases_per_model", router_->options().max_leases_per_model, result->leases);
  metrics_.restored_leases.Increment(static_cast<double>(result->leases));
  metrics_.refused_leases.Increment(static_cast<double>(result->refused_leases));
  log_.Info("state_restored", {{"model", name},
                               {"nodes", result->nodes},
                               {"leases", result->leases},
                               {"refused_nodes", result->refused_nodes},
                               {"refused_leases", result->refused_leases},
                               {"learned", result->learned},
                               {"ms", Milliseconds(clock_.Monotonic() - start)},
                               {"ms_in_all", Milliseconds(clock_.Monotonic() - restore_start_)}});
}

void StateStore::WarnBeyond(absl::string_view limit, std::uint64_t most, std::uint64_t restored) {
  if (restored <= most) return;
  log_.Warning("state_beyond_limit", {{"limit", limit}, {"most", most}, {"restored", restored}});
}

void StateStore::RestoreSomeContributions() {
  std::map<std::size_t, std::vector<ContributionRecord>> by_model;
  const std::uint64_t last = file_->ReadContributions(
      last_restored_, kRestoredPerStep, [&](std::uint64_t id, absl::string_view codes) {
        const auto it = awaited_.find(id);
        if (it == awaited_.end()) return;
        auto& [model, request_id] = it->second;
        by_model[model].push_back({id, std::move(request_id), {codes.begin(), codes.end()}});
      });
  for (const auto& [model, records] : by_model) {
    const auto all = absl::MakeConstSpan(records);
    for (std::size_t i = 0; i < all.size(); i += kRestoredPerLock) {
      const auto restored =
          router_->RestoreContributions(models_[model], all.subspan(i, kRestoredPerLock));
      if (restored.ok()) restored_contributions_ += *restored;
    }
  }
  restoring_ = last != last_restored_ && !file_->damaged();
  last_restored_ = last;
  if (restoring_) return;
  metrics_.restored_contributions.Increment(static_cast<double>(restored_contributions_));
  log_.Info("state_contributions_restored",
            {{"contributions", restored_contributions_},
             {"leases", awaited_.size()},
             {"ms", Milliseconds(clock_.Monotonic() - restore_start_)}});
  awaited_ = {};
}

}  // namespace eldr

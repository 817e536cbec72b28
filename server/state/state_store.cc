#include "server/state/state_store.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/state/state_convert.h"

namespace eldr {
namespace {

// Some seconds of a busy router's changes; a disk that is further behind does not catch up.
constexpr std::size_t kMostQueuedBytes = std::size_t{128} << 20;
constexpr absl::Duration kRewriteInterval = absl::Seconds(5);
constexpr absl::Duration kLearnedInterval = absl::Seconds(1);
// Contributions restored per step, and per hold of their model's lock.
constexpr int kRestoredPerStep = 1024;
constexpr std::size_t kRestoredPerLock = 16;
// Leases written per transaction when all are.
constexpr std::size_t kRewritePart = 2048;

double Milliseconds(absl::Duration duration) { return absl::ToDoubleMilliseconds(duration); }

}  // namespace

absl::StatusOr<std::unique_ptr<StateStore>> StateStore::Open(const StateConfig& config,
                                                             const Clock& clock, Log& log,
                                                             prometheus::Registry& registry) {
  std::unique_ptr<StateStore> store(new StateStore(config, clock, log, registry));
  const auto refuse = [&](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("state_dir: got \"", config.directory, "\" (", why, ")"));
  };
  std::error_code error;
  std::filesystem::create_directories(config.directory, error);
  if (error) return refuse(absl::StrCat(error.message(), "), expected a directory to write to ("));
  auto file = StateFile::Open(store->path(), store->durable());
  if (!file.ok()) return refuse(file.status().message());
  store->file_ = *std::move(file);
  if (store->file_->cut_off() > 0) {
    store->metrics_.cut_tails.Increment();
    log.Warning("state_tail_cut", {{"file", store->path()}, {"pages", store->file_->cut_off()}});
  }
  store->metrics_.kept.Set(1);
  return store;
}

StateStore::~StateStore() { Close(); }

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
  std::uint64_t last_lease = file_->ReadLastLeaseId();
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
  router.ContinueLeaseIds(std::min(last_lease, std::uint64_t{1} << 62));
  metrics_.refused_leases.Increment(static_cast<double>(homeless));
  rewrite_ = homeless > 0;
  for (auto& [name, record] : records) RestoreModel(std::move(record), declare);

  if (file_->bad_rows() > 0 || file_->damaged()) {
    rewrite_ = true;
    metrics_.bad_rows.Increment(static_cast<double>(file_->bad_rows()));
    log_.Error("state_damaged", {{"file", path()},
                                 {"bad_rows", file_->bad_rows()},
                                 {"structure", file_->damaged() ? "damaged" : "sound"}});
  }
  if (file_->damaged()) metrics_.damaged.Increment();
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

void StateStore::Start() {
  thread_ = std::thread([this] { Run(); });
}

void StateStore::Run() {
  const auto pause = absl::ToChronoNanoseconds(config_.sync_interval);
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stop_) {
    const bool at_once =
        restoring_ || !answers_.empty() || (config_.sync == "always" && !queue_.empty());
    if (!at_once) {
      wake_.wait_for(lock, pause, [this] {
        return stop_ || (config_.sync == "always" && (!queue_.empty() || !answers_.empty()));
      });
    }
    if (stop_) return;
    lock.unlock();
    Step();
    lock.lock();
  }
}

void StateStore::Step() {
  if (restoring_) RestoreSomeContributions();
  std::vector<Queued> batch;
  Answers answers;
  bool keeping = false;
  bool overflown = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    batch.swap(queue_);
    answers.swap(answers_);
    queued_bytes_ = 0;
    writing_ = true;
    keeping = keeping_;
    overflown = std::exchange(overflown_, false);
  }
  const MonotonicTime start = clock_.Monotonic();
  if (overflown) {
    metrics_.overflows.Increment();
    StopKeeping(absl::ResourceExhaustedError("the disk is too slow for the changes"));
  } else if (keeping && !rewrite_) {
    absl::Status written = batch.empty() ? absl::OkStatus() : WriteBatch(batch);
    if (written.ok() && start >= next_learned_) {
      written = WriteLearned();
      next_learned_ = start + kLearnedInterval;
    }
    if (!written.ok()) StopKeeping(written);
  }
  for (auto& answer : answers) answer();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    writing_ = false;
  }
  if (rewrite_ && !restoring_ && start >= next_rewrite_) {
    next_rewrite_ = start + kRewriteInterval;
    if (const absl::Status written = Rewrite(); !written.ok()) StopKeeping(written);
  }
  if (file_ != nullptr) {
    file_->MaybeCheckpoint();
    metrics_.bytes.Set(static_cast<double>(file_->bytes()));
  }
}

void StateStore::StopKeeping(const absl::Status& why) {
  metrics_.failed_writes.Increment();
  rewrite_ = true;
  next_rewrite_ = clock_.Monotonic() + kRewriteInterval;
  if (file_ != nullptr) file_->Rollback();
  bool kept = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    kept = std::exchange(keeping_, false);
    queue_.clear();
    queued_bytes_ = 0;
  }
  metrics_.kept.Set(0);
  if (kept) {
    log_.Error("state_not_kept",
               {{"message", why.message()}, {"retry", absl::FormatDuration(kRewriteInterval)}});
  }
}

absl::Status StateStore::WriteBatch(const std::vector<Queued>& batch) {
  const MonotonicTime start = clock_.Monotonic();
  ELDR_RETURN_IF_ERROR(file_->Begin());
  std::uint64_t last_lease = 0;
  for (const Queued& queued : batch) {
    ELDR_RETURN_IF_ERROR(WriteOne(queued));
    if (queued.change == Change::kLease) last_lease = std::max(last_lease, queued.lease_id);
  }
  if (last_lease > 0) ELDR_RETURN_IF_ERROR(file_->PutLastLeaseId(last_lease));
  ELDR_RETURN_IF_ERROR(file_->Commit());
  metrics_.sync_seconds.Observe(absl::ToDoubleSeconds(clock_.Monotonic() - start));
  metrics_.records.Increment(static_cast<double>(batch.size()));
  return absl::OkStatus();
}

absl::Status StateStore::WriteOne(const Queued& queued) {
  switch (queued.change) {
    case Change::kLease:
      ELDR_RETURN_IF_ERROR(file_->PutLease(queued.lease_id, queued.body));
      // A restored lease that waits for its contribution has it in the file already.
      if (queued.codes.empty()) return absl::OkStatus();
      return file_->PutContribution(queued.lease_id, queued.codes);
    case Change::kLeaseEnd:
      return file_->EraseLease(queued.lease_id);
    case Change::kNode:
      return file_->Put(StateFile::Kind::kNode, queued.key, queued.body);
    case Change::kNodeRemoved:
      return file_->Erase(StateFile::Kind::kNode, queued.key);
    case Change::kModel:
      return file_->Put(StateFile::Kind::kModel, queued.key, queued.body);
  }
  return absl::InternalError("no such change");
}

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
                                {"ms", Milliseconds(clock_.Monotonic() - start)}});
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
    if (ids.size() < kRestoredPerLock && !part_ends) continue;
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

void StateStore::WhenKept(absl::AnyInvocable<void()> answer) {
  if (config_.sync == "always") {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!stop_ && (writing_ || !queue_.empty() || !answers_.empty())) {
      answers_.push_back(std::move(answer));
      wake_.notify_one();
      return;
    }
  }
  answer();
}

void StateStore::Close() {
  if (std::exchange(closed_, true)) return;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  next_learned_ = -absl::InfiniteDuration();
  if (file_ != nullptr && router_ != nullptr) Step();
  file_.reset();
}

void StateStore::Enqueue(Queued queued) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!keeping_) return;
  queued_bytes_ += sizeof(Queued) + queued.key.size() + queued.body.size() + queued.codes.size();
  if (queued_bytes_ > kMostQueuedBytes) {
    keeping_ = false;
    overflown_ = true;
    queue_.clear();
    queued_bytes_ = 0;
    return;
  }
  queue_.push_back(std::move(queued));
  if (config_.sync == "always") wake_.notify_one();
}

void StateStore::OnModelDeclared(const ModelSpec& spec) {
  Enqueue({Change::kModel,
           0,
           spec.name,
           EncodeModel(spec.name, spec.geometry, spec.settings.policy),
           {}});
}

void StateStore::OnLeasePlaced(absl::string_view model, const Lease& lease) {
  Enqueue({Change::kLease, lease.id, "", EncodeLease(model, RecordOf(lease)), lease.contribution});
}

void StateStore::OnLeaseUpdated(absl::string_view model, const Lease& lease) {
  OnLeasePlaced(model, lease);
}

void StateStore::OnLeaseAdopted(absl::string_view model, const Lease& lease) {
  OnLeasePlaced(model, lease);
}

void StateStore::OnLeaseEnded(absl::string_view, const Lease& lease, LeaseEnd) {
  Enqueue({Change::kLeaseEnd, lease.id, "", "", {}});
}

void StateStore::OnNodeRegistered(const DecodeNode& node) {
  Enqueue({Change::kNode, 0, node.spec.node_id, EncodeNode(RecordOf(node)), {}});
}

void StateStore::OnNodeRespecified(const DecodeNode& node) { OnNodeRegistered(node); }
void StateStore::OnNodeState(const DecodeNode& node, NodeState) { OnNodeRegistered(node); }
void StateStore::OnNodeDraining(const DecodeNode& node) { OnNodeRegistered(node); }

void StateStore::OnNodeRemoved(const DecodeNode& node) {
  Enqueue({Change::kNodeRemoved, 0, node.spec.node_id, "", {}});
}

}  // namespace eldr

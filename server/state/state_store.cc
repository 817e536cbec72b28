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
      if (queued.replaced_lease_id != 0) {
        ELDR_RETURN_IF_ERROR(file_->EraseLease(queued.replaced_lease_id));
      }
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
  Enqueue({.change = Change::kModel,
           .key = spec.name,
           .body = EncodeModel(spec.name, spec.geometry, spec.settings.policy)});
}

void StateStore::OnLeasePlaced(absl::string_view model, const Lease& lease) {
  Enqueue({.change = Change::kLease,
           .lease_id = lease.id,
           .body = EncodeLease(model, RecordOf(lease)),
           .codes = lease.contribution,
           .replaced_lease_id = TakeMoved(model)});
}

std::uint64_t StateStore::TakeMoved(absl::string_view model) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto it = moved_.find(model);
  return it == moved_.end() ? 0 : std::exchange(it->second, 0);
}

void StateStore::OnLeaseUpdated(absl::string_view model, const Lease& lease) {
  OnLeasePlaced(model, lease);
}

void StateStore::OnLeaseAdopted(absl::string_view model, const Lease& lease) {
  OnLeasePlaced(model, lease);
}

void StateStore::OnLeaseEnded(absl::string_view model, const Lease& lease, LeaseEnd end) {
  if (end == LeaseEnd::kMoved) {
    std::lock_guard<std::mutex> lock(mutex_);
    moved_[std::string(model)] = lease.id;
    return;
  }
  Enqueue({.change = Change::kLeaseEnd, .lease_id = lease.id});
}

void StateStore::OnNodeRegistered(const DecodeNode& node) {
  Enqueue({.change = Change::kNode, .key = node.spec.node_id, .body = EncodeNode(RecordOf(node))});
}

void StateStore::OnNodeRespecified(const DecodeNode& node) { OnNodeRegistered(node); }
void StateStore::OnNodeState(const DecodeNode& node, NodeState) { OnNodeRegistered(node); }
void StateStore::OnNodeDraining(const DecodeNode& node) { OnNodeRegistered(node); }

void StateStore::OnNodeRemoved(const DecodeNode& node) {
  Enqueue({.change = Change::kNodeRemoved, .key = node.spec.node_id});
}

}  // namespace eldr

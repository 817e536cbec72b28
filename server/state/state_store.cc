#include "server/state/state_store.h"

#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace eldr {
namespace {

constexpr absl::Duration kLearnedInterval = absl::Seconds(1);

}  // namespace

absl::StatusOr<std::unique_ptr<StateStore>> StateStore::Open(const StateConfig& config,
                                                             const Clock& clock, Log& log,
                                                             prometheus::Registry& registry,
                                                             FileSystem& files) {
  std::unique_ptr<StateStore> store(new StateStore(config, clock, log, registry));
  if (const absl::Status opened = store->OpenFile(files); !opened.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("state_dir: got \"", config.directory, "\" (", opened.message(), ")"));
  }
  if (store->file_->cut_off() > 0) {
    store->metrics_.cut_tails.Increment();
    log.Warning("state_tail_cut",
                {{"file", store->folder_->path()}, {"pages", store->file_->cut_off()}});
  }
  store->metrics_.kept.Set(1);
  return store;
}

absl::Status StateStore::OpenFile(FileSystem& files) {
  ELDR_ASSIGN_OR_RETURN(folder_, StateFolder::Open(config_.directory, files));
  std::error_code error;
  if (!std::filesystem::exists(folder_->path(), error)) {
    std::unique_ptr<StateFile> empty;
    ELDR_ASSIGN_OR_RETURN(empty, StateFile::Build(folder_->unfinished()));
    ELDR_RETURN_IF_ERROR(StateFile::Finish(std::move(empty)));
    ELDR_RETURN_IF_ERROR(folder_->Commit());
    ELDR_RETURN_IF_ERROR(folder_->Settle(StateFolder::Old::kRemove));
  }
  ELDR_ASSIGN_OR_RETURN(file_, StateFile::Open(folder_->path(), durable()));
  folder_->NoteOpened();
  return absl::OkStatus();
}

StateStore::~StateStore() { Close(); }

void StateStore::Start() {
  thread_ = std::thread([this] { Run(); });
}

void StateStore::Run() {
  while (WaitForWork()) Step();
}

// False once it is to stop.
bool StateStore::WaitForWork() {
  using SteadyClock = std::chrono::steady_clock;
  const auto end = SteadyClock::now() + absl::ToChronoNanoseconds(config_.sync_interval);
  MutexLock lock(mutex_);
  while (!stop_) {
    if (restoring_ || !answers_.empty() || (always() && !queue_.empty())) return true;
    const SteadyClock::duration left = end - SteadyClock::now();
    if (left <= SteadyClock::duration::zero()) return true;
    wake_.WaitFor(mutex_, absl::FromChrono(left));
  }
  return false;
}

void StateStore::Step() {
  if (restoring_) RestoreSomeContributions();
  const MonotonicTime start = clock_.Monotonic();
  WriteQueue();
  if (rewrite_ && !restoring_ && start >= next_rewrite_) Rewrite();
  if (file_ != nullptr) {
    file_->MaybeCheckpoint();
    metrics_.bytes.Set(static_cast<double>(file_->bytes()));
  }
}

void StateStore::WriteQueue() {
  std::vector<Queued> batch;
  Answers answers;
  bool keeping = false;
  bool overflown = false;
  {
    MutexLock lock(mutex_);
    batch.swap(queue_);
    answers.swap(answers_);
    queued_bytes_ = 0;
    writing_ = true;
    keeping = keeping_ == Keeping::kYes;
    overflown = std::exchange(overflown_, false);
  }
  if (overflown) {
    metrics_.overflows.Increment();
    StopKeeping(absl::ResourceExhaustedError("the disk is too slow for the changes"));
  } else if (keeping) {
    absl::Status written = absl::OkStatus();
    if (!folder_->InPlace()) {
      written = absl::NotFoundError(
          absl::StrCat(folder_->path(), ": somebody has removed or replaced it"));
    } else if (!batch.empty()) {
      written = WriteBatch(batch);
    }
    const MonotonicTime now = clock_.Monotonic();
    if (written.ok() && now >= next_learned_) {
      written = WriteAllLearned();
      next_learned_ = now + kLearnedInterval;
    }
    if (!written.ok()) {
      metrics_.failed_writes.Increment();
      StopKeeping(written);
    }
  }
  for (auto& answer : answers) answer();
  MutexLock lock(mutex_);
  writing_ = false;
}

void StateStore::StopKeeping(const absl::Status& why) {
  rewrite_ = true;
  next_rewrite_ = clock_.Monotonic() + kRewriteInterval;
  if (file_ != nullptr) file_->Rollback();
  {
    MutexLock lock(mutex_);
    keeping_ = Keeping::kNo;
    queue_.clear();
    queued_bytes_ = 0;
  }
  metrics_.kept.Set(0);
  if (std::exchange(told_not_kept_, true)) return;
  log_.Error("state_not_kept",
             {{"message", why.message()}, {"retry", absl::FormatDuration(kRewriteInterval)}});
}

absl::Status StateStore::WriteBatch(const std::vector<Queued>& batch) {
  const MonotonicTime start = clock_.Monotonic();
  ELDR_RETURN_IF_ERROR(file_->Begin());
  for (const Queued& queued : batch) ELDR_RETURN_IF_ERROR(WriteOne(queued));
  const std::uint64_t last_lease = LastLeaseId();
  if (last_lease > stored_last_lease_) ELDR_RETURN_IF_ERROR(file_->PutLastLeaseId(last_lease));
  ELDR_RETURN_IF_ERROR(file_->Commit());
  stored_last_lease_ = last_lease;
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
  if (always()) {
    MutexLock lock(mutex_);
    const bool queued = keeping_ == Keeping::kYes && !queue_.empty();
    if (!stop_ && (queued || writing_ || !answers_.empty())) {
      answers_.push_back(std::move(answer));
      wake_.NotifyOne();
      return;
    }
  }
  answer();
}

void StateStore::AnswerAll() {
  Answers answers;
  while (true) {
    {
      MutexLock lock(mutex_);
      answers.swap(answers_);
      writing_ = !answers.empty();
    }
    if (answers.empty()) return;
    for (auto& answer : answers) answer();
    answers.clear();
  }
}

void StateStore::Close() {
  if (std::exchange(closed_, true)) return;
  {
    MutexLock lock(mutex_);
    stop_ = true;
  }
  wake_.NotifyAll();
  if (thread_.joinable()) thread_.join();
  if (router_ != nullptr) {
    next_learned_ = -absl::InfiniteDuration();
    WriteQueue();
    // The next process must not find an older state, of leases that have ended since.
    while (rewrite_ && restoring_) RestoreSomeContributions();
    if (rewrite_) Rewrite();
    if (told_not_kept_) {
      log_.Error("state_not_kept", {{"message", "stopped; the next eldrd finds an older state"}});
    }
  }
  AnswerAll();
  file_.reset();
  folder_.reset();
}

}  // namespace eldr

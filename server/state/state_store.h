// Keeps the router's state in a directory, so that a new process goes on where the last one ended.
//
//   auto store = StateStore::Open(config.state, clock, log, registry);
//   ... an observer of the router; the configured models are declared ...
//   (*store)->Restore(*router, declare);
//   (*store)->Start();
#ifndef ELDR_SERVER_STATE_STATE_STORE_H_
#define ELDR_SERVER_STATE_STATE_STORE_H_

#include <prometheus/registry.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/base/clock.h"
#include "core/base/file_system.h"
#include "core/base/mutex.h"
#include "core/route/router.h"
#include "server/base/log.h"
#include "server/config/config.h"
#include "server/state/state_file.h"
#include "server/state/state_folder.h"
#include "server/state/state_metrics.h"

namespace eldr {

// A call of the router only copies what changed into a queue; one thread writes the queue in
// batches. With `always` that thread writes at once, and answers wait for their batch (WhenKept)
// without holding a thread; with `interval` and `never` it writes every sync_interval.
//
// When the file can not be written (a full disk), or the disk is too slow for the queue's bound,
// changes are no longer kept: the daemon serves on, a log line and a metric tell, and a file with
// all of the state is written beside the old one and takes its place as soon as that works. Until
// then a crash finds the old one, with all that was acknowledged while changes were kept.
//
// Thread-safe, but for Restore(), Step() and Close(). Besides state_store.cc, state_changes.cc
// (what the router tells of), state_restore.cc (what a new process takes over) and
// state_rewrite.cc (all of the state at once) implement it.
class StateStore final : public RouterObserver {
 public:
  // Declares a model that only the state file knows; `policy` may be none that serves it.
  using DeclareModel = std::function<absl::Status(const ModelRecord& record)>;

  // Makes the directory and the file if they are missing. INVALID_ARGUMENT, naming state_dir, if it
  // cannot be used: it is not writable, in use, or holds a file that is not this program's or of a
  // newer format. References must outlive the object.
  static absl::StatusOr<std::unique_ptr<StateStore>> Open(const StateConfig& config,
                                                          const Clock& clock, Log& log,
                                                          prometheus::Registry& registry,
                                                          FileSystem& files = RealFileSystem());
  // Closes.
  ~StateStore() override;

  // Gives the router what the file holds; contributions follow by Step(). Call once, before
  // anything is asked of the router. A model whose geometry changed starts empty.
  void Restore(Router& router, const DeclareModel& declare);
  // Starts the thread that calls Step().
  void Start();
  // One round: write what is queued, call who waits for it, restore further contributions. Public
  // so that tests need no thread.
  void Step();
  // Step() has contributions left to restore.
  bool restoring() const { return restoring_; }
  // Ends the thread and writes everything, what was learned included, which the router must live to
  // tell; also what was not kept until now. Only the first call does anything.
  void Close();

  // False while changes do not reach the file. Does not wait.
  bool kept() const { return metrics_.kept.Value() == 1; }

  // Calls `answer` when all that has changed up to now is on disk, on the writing thread; at once,
  // on the caller's, if that is so or the policy is not `always`. In the order of the calls, as far
  // as they come after one another. While changes are not kept it does not wait.
  void WhenKept(absl::AnyInvocable<void()> answer);

  void OnModelDeclared(const ModelSpec& spec) override;
  void OnLeasePlaced(absl::string_view model, const Lease& lease) override;
  void OnLeaseUpdated(absl::string_view model, const Lease& lease) override;
  void OnLeaseAdopted(absl::string_view model, const Lease& lease) override;
  void OnLeaseEnded(absl::string_view model, const Lease& lease, LeaseEnd end) override;
  void OnNodeRegistered(const DecodeNode& node) override;
  void OnNodeRespecified(const DecodeNode& node) override;
  void OnNodeState(const DecodeNode& node, NodeState before) override;
  void OnNodeDraining(const DecodeNode& node) override;
  void OnNodeRemoved(const DecodeNode& node) override;

 private:
  enum class Change : std::uint8_t { kLease, kLeaseEnd, kNode, kNodeRemoved, kModel };
  struct Queued {
    Change change;
    std::uint64_t lease_id = 0;
    std::string key = {};   // of a node or model
    std::string body = {};  // as stored
    std::vector<std::uint8_t> codes = {};
    std::uint64_t replaced_lease_id = 0;  // of a lease: the one that its request moved from
  };
  using Answers = std::vector<absl::AnyInvocable<void()>>;
  static constexpr absl::Duration kRewriteInterval = absl::Seconds(5);

  // Whether changes reach the file.
  enum class Keeping : std::uint8_t {
    kNo,          // they are dropped
    kCatchingUp,  // all of the state is being written, and they are queued: no answer waits for
                  // that
    kYes
  };

  StateStore(const StateConfig& config, const Clock& clock, Log& log,
             prometheus::Registry& registry)
      : config_(config), clock_(clock), log_(log), metrics_(registry) {}
  bool durable() const { return config_.sync != "never"; }
  bool always() const { return config_.sync == "always"; }
  absl::Status OpenFile(FileSystem& files);

  void Enqueue(Queued queued) ABSL_LOCKS_EXCLUDED(mutex_);
  std::uint64_t TakeMoved(absl::string_view model) ABSL_LOCKS_EXCLUDED(mutex_);
  std::uint64_t LastLeaseId() ABSL_LOCKS_EXCLUDED(mutex_);
  // Writes what is queued, and calls who waits for it.
  void WriteQueue() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status WriteBatch(const std::vector<Queued>& batch);
  absl::Status WriteOne(const Queued& queued);
  // Begins and commits.
  absl::Status WriteAllLearned();
  absl::Status WriteLearned(StateFile& file, const std::string& model);
  void StopKeeping(const absl::Status& why) ABSL_LOCKS_EXCLUDED(mutex_);
  bool keeping() ABSL_LOCKS_EXCLUDED(mutex_);
  // Calls who still waits. For when changes are not kept, so that nobody does during a Rewrite().
  void AnswerAll() ABSL_LOCKS_EXCLUDED(mutex_);
  // Puts a file with all of the router's state in the place of the old one.
  void Rewrite() ABSL_LOCKS_EXCLUDED(mutex_);
  // A whole file beside the old one, as a step of Rewrite(); then the step that replaces.
  absl::Status BuildAnew() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status WriteModel(StateFile& file, const ModelDescription& model);
  absl::Status TakePlace();
  void RestoreModel(ModelRecord record, const DeclareModel& declare);
  // Tells if more was restored than the configuration would let in anew.
  void WarnBeyond(absl::string_view limit, std::uint64_t most, std::uint64_t restored);
  void RestoreSomeContributions();
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  bool WaitForWork() ABSL_LOCKS_EXCLUDED(mutex_);

  const StateConfig config_;
  const Clock& clock_;
  Log& log_;
  StateMetrics metrics_;

  // For the thread that steps alone.
  std::unique_ptr<StateFolder> folder_;
  std::unique_ptr<StateFile> file_;  // nullptr if it could not be opened anew after a Rewrite()
  Router* router_ = nullptr;
  bool restoring_ = false;
  bool rewrite_ = false;  // the file is not what it should be
  // Log lines have told that changes are not kept, or the file could not be replaced.
  bool told_not_kept_ = false;
  bool told_not_rewritten_ = false;
  MonotonicTime restore_start_;
  MonotonicTime next_rewrite_;
  MonotonicTime next_learned_;
  std::uint64_t last_restored_ = 0;  // id of the contribution that was read last
  std::uint64_t restored_contributions_ = 0;
  std::uint64_t stored_last_lease_ = 0;  // the last lease id that the file knows
  // By lease id the model (an index of models_) and request of each restored lease.
  std::vector<std::string> models_;
  absl::flat_hash_map<std::uint64_t, std::pair<std::size_t, std::string>> awaited_;
  std::map<std::string, LearnedVersions> learned_versions_;
  bool closed_ = false;
  std::thread thread_;

  Mutex mutex_;
  CondVar wake_;
  std::vector<Queued> queue_ ABSL_GUARDED_BY(mutex_);
  std::size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  Answers answers_ ABSL_GUARDED_BY(mutex_);
  // By model the lease that ended as moved, until its request's new lease is told of. One change,
  // so that no crash comes between the two.
  absl::flat_hash_map<std::string, std::uint64_t> moved_ ABSL_GUARDED_BY(mutex_);
  // The largest id of all leases, also of those that were not kept: a clock that goes back must not
  // make the next process give one twice.
  std::uint64_t last_lease_ ABSL_GUARDED_BY(mutex_) = 0;
  Keeping keeping_ ABSL_GUARDED_BY(mutex_) = Keeping::kYes;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;  // a batch is on its way, or its answers
  bool overflown_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace eldr

#endif  // ELDR_SERVER_STATE_STATE_STORE_H_

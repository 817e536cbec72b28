// The router of one model: its fleet, signatures, leases and residency under one lock.
#ifndef ELDR_CORE_ROUTE_MODEL_ROUTER_H_
#define ELDR_CORE_ROUTE_MODEL_ROUTER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/books/change.h"
#include "core/intake/intake.h"
#include "core/intake/push.h"
#include "core/intake/signature_reader.h"
#include "core/route/book_keeper.h"
#include "core/route/eligibility.h"
#include "core/route/router.h"
#include "core/route/router_state.h"
#include "core/route/seat.h"
#include "core/signature/activation_prior.h"

namespace eldr {

// Thread-safe. Methods are those of Router, whose comments hold; the model is this one. Four files
// implement them: model_router.cc (signatures, leases, time), model_router_place.cc (placement),
// model_router_fleet.cc (nodes) and model_router_state.cc (what outlives the process).
class ModelRouter {
 public:
  // REQUIRES: `spec` is valid. All references must outlive the object.
  ModelRouter(ModelSpec spec, const Router::Options& options, const Clock& clock,
              RouterObserver& observer, std::atomic<std::uint64_t>& next_lease_id);

  const ModelSpec& spec() const { return spec_; }
  ModelDescription Describe() const ABSL_LOCKS_EXCLUDED(mutex_);

  absl::StatusOr<PushResult> PushSignature(const SignaturePush& push) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<BlockUpdateResult> UpdateBlocks(const BlockUpdate& update) {
    return reader_.UpdateBlocks(update);
  }
  absl::StatusOr<Placement> Place(const PlacementQuery& query) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<RenewResult> Renew(const LeaseKey& key, std::optional<absl::Duration> ttl)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<LeaseOutcome> Release(const LeaseRelease& release) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<Explanation> Explain(absl::string_view request_id) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  std::uint64_t VisitReceipts(std::uint64_t first, std::uint64_t last, ReceiptVisitor visit) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  std::uint64_t AwaitSignature(absl::string_view request_id, absl::AnyInvocable<void()> on_arrival)
      ABSL_LOCKS_EXCLUDED(mutex_);
  bool CancelWait(std::uint64_t wait_id) ABSL_LOCKS_EXCLUDED(mutex_);

  absl::StatusOr<RegisterResult> RegisterNode(const NodeSpec& spec) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<HeartbeatResult> Heartbeat(const NodeReport& report) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::uint32_t> DrainNode(absl::string_view node_id) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<NodeState> UndrainNode(absl::string_view node_id) ABSL_LOCKS_EXCLUDED(mutex_);
  RemoveResult RemoveNode(absl::string_view node_id) ABSL_LOCKS_EXCLUDED(mutex_);
  // FAILED_PRECONDITION if the node is registered and the guard says no.
  absl::Status CheckGuard(absl::string_view node_id, NodeGuard guard) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Lets a node go that is not heard, so that another model's node can take its id. ALREADY_EXISTS
  // if it is heard.
  absl::Status GiveWay(absl::string_view node_id) ABSL_LOCKS_EXCLUDED(mutex_);
  // The ids of nodes that went of their own accord since the last call.
  std::vector<std::string> TakeForgotten() ABSL_LOCKS_EXCLUDED(mutex_);
  bool HasNode(absl::string_view node_id) const ABSL_LOCKS_EXCLUDED(mutex_);
  // Ordered by id: those after `after`, and `most` of them.
  std::vector<NodeStatus> ListNodes(absl::string_view after = "", std::size_t most = SIZE_MAX) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<Residency> GetResidency(absl::string_view node_id) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  RestoreResult Restore(ModelRecord record) ABSL_LOCKS_EXCLUDED(mutex_);
  std::size_t RestoreContributions(absl::Span<const ContributionRecord> contributions)
      ABSL_LOCKS_EXCLUDED(mutex_);
  BookSnapshot SnapshotBook() const ABSL_LOCKS_EXCLUDED(mutex_);
  std::uint64_t DigestBook() const ABSL_LOCKS_EXCLUDED(mutex_);
  ModelRecord Copy() const ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<ContributionRecord> CopyContributions(absl::Span<const std::string> request_ids) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  ActivationPrior::Learned CopyPrior() const ABSL_LOCKS_EXCLUDED(mutex_);
  LearnedRecord CopyLearned(LearnedVersions& versions) const ABSL_LOCKS_EXCLUDED(mutex_);

  // True if more has ended by time than one hold of the lock should end: call it again soon.
  bool Step() ABSL_LOCKS_EXCLUDED(mutex_);
  // A pause between two holds of the lock by one thread.
  static void LetOthersIn();

  // Adds the work of the model's policies to `jobs`.
  void TakeBackgroundJobs(WorkLength length, std::vector<BackgroundJob>& jobs)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Ends what time has ended, and answers the time.
  MonotonicTime Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // What a complete list of a node's requests says that the book does not.
  void Reconcile(DecodeNode& node, const NodeReport& report, MonotonicTime now,
                 HeartbeatResult& result) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Adopt(DecodeNode& node, absl::string_view request_id, MonotonicTime now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends some of a node's leases, and removes it with the last one: true when it is gone.
  bool RemovePart(absl::string_view node_id, RemoveResult& result) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<DecodeNode*> FindNode(absl::string_view node_id) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // A node that is not lost and has the same address and rank, or nullptr.
  const DecodeNode* FindTwin(const DecodeNode& node) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Tells the policies of a changed fleet, if it has changed since they were told last.
  void TellPolicies() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Takes in what a push brings, and updates the request's lease by it.
  absl::StatusOr<PushResult> TakeIn(const SignaturePush& push, std::optional<ExpertSignature> chunk,
                                    MonotonicTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Tells of signatures that left the store unplaced, if there are any.
  void TellDropped(std::size_t expired, std::size_t evicted) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Replaces what a lease adds to its node by what the signature tells.
  void UpdateLease(const Lease& lease, const ExpertSignature& signature, bool appended,
                   MonotonicTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Placement RenewHeld(const Lease& held, const PlacementQuery& query,
                      std::optional<ExpertSignature>& in_query, MonotonicTime now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Fills in what of a new lease its signature tells, and gives it an id.
  void StartLease(absl::string_view request_id, const DecodeNode& node,
                  const Intake::Knowledge& knowledge, absl::Duration ttl, LeaseOrigin origin)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Enters the lease of a placement on the first candidate, with the codes that start_ has.
  absl::StatusOr<const Lease*> Reserve(const PlacementQuery& query, const Demand& demand,
                                       const Intake::Knowledge& knowledge, const Lease* held,
                                       MonotonicTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Placement Answer(const Lease& lease, const Intake::Knowledge& knowledge, PlacementReason reason,
                   MonotonicTime now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ModelSpec spec_;
  const Router::Options& options_;
  const Clock& clock_;
  RouterObserver& observer_;
  std::atomic<std::uint64_t>& next_lease_id_;

  SignatureReader reader_;

  mutable Mutex mutex_;
  ActivationPrior prior_ ABSL_GUARDED_BY(mutex_);  // the seats read it
  Seat seat_ ABSL_GUARDED_BY(mutex_);
  std::optional<ShadowSeat> shadow_ ABSL_GUARDED_BY(mutex_);  // if the model names one
  // Of the fleet that the policies were told of.
  std::uint64_t told_fleet_version_ ABSL_GUARDED_BY(mutex_) = 0;
  Intake intake_ ABSL_GUARDED_BY(mutex_);
  BookKeeper keeper_ ABSL_GUARDED_BY(mutex_);
  const Book& book_ ABSL_GUARDED_BY(mutex_);  // that of keeper_
  std::uint64_t decode_observations_ ABSL_GUARDED_BY(mutex_) = 0;
  ReceiptRing receipts_ ABSL_GUARDED_BY(mutex_);

  // Kept from call to call for their buffers.
  Eligibility eligibility_ ABSL_GUARDED_BY(mutex_);
  // Changes that are made again and again; each is always of the same kind, and the codes of both
  // LeaseStarted and LeaseUpdated are of the model's cells.
  Change start_ ABSL_GUARDED_BY(mutex_), update_ ABSL_GUARDED_BY(mutex_),
      report_ ABSL_GUARDED_BY(mutex_);
};

// Those of the book that a model's router has.
Book::Options BookOptions(const ModelSpec& spec, const Router::Options& options);

// Lets `next` be more than `last`.
void ContinueLeaseIds(std::atomic<std::uint64_t>& next, std::uint64_t last);

}  // namespace eldr

#endif  // ELDR_CORE_ROUTE_MODEL_ROUTER_H_

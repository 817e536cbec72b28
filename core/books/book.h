// The book of one model: its leases, nodes and groups, their residency, and which leases ended of
// late.
//
//   Book book(options);
//   Change change = {.number = book.last_number() + 1, .at = clock.Monotonic()};
//   change.what = LeaseFinished{id, "r1", LeaseEnd::kReleased};
//   absl::StatusOr<Applied> applied = book.Apply(change);
#ifndef ELDR_CORE_BOOKS_BOOK_H_
#define ELDR_CORE_BOOKS_BOOK_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/base/clock.h"
#include "core/books/change.h"
#include "core/books/records.h"
#include "core/books/registration.h"
#include "core/fleet/failure_detector.h"
#include "core/fleet/fleet.h"
#include "core/fleet/lease_table.h"
#include "core/fleet/lease_tombstones.h"
#include "core/model/model_geometry.h"
#include "core/step_time/step_time_model.h"

namespace eldr {

// A whole book as plain data, that of a model of the same options.
struct BookSnapshot {
  struct HeldLease {
    std::string node_id;
    Lease lease;  // refers to no node
  };
  // The last change that it knows.
  std::uint64_t number = 0;
  std::uint64_t last_lease_id = 0;
  std::uint64_t next_ordinal = 0;
  std::vector<DecodeNode> nodes;               // refer to no group, hold no lease
  std::vector<HeldLease> leases;               // in ascending order of ids
  std::vector<std::uint8_t> stand_in;          // what leases without a contribution add
  std::map<std::string, StepTimeModel> steps;  // by group
  LeaseTombstones tombstones;
  FailureDetector detector;
  MonotonicTime next_forget;
};

// What came of a change. Pointers are valid until the next change.
struct Applied {
  const Lease* lease = nullptr;                  // that started, or was changed
  const Lease* ended_lease = nullptr;            // its node is still registered
  DecodeNode* node = nullptr;                    // that was changed
  NodeState state_before = NodeState::kJoining;  // of that node
  Registration registration = Registration::kNew;
  Disbeliefs disbeliefs = {};   // of the reported steps
  RestoreResult restored = {};  // without what was learned
};

// Not thread-safe. Decides nothing: where a request goes, what ends and when, who is lost, is told
// to it. But whatever it is told, what it holds is sound:
//   - a request has at most one lease, on a node that is registered;
//   - ids of leases and ordinals of nodes only grow;
//   - a placement fits on its node, and every lease in the residency map (its weight bound);
//   - there are no more leases and nodes than the limits allow, but for what was restored;
//   - a node's id changes hands only as registration.h tells; nodes go without leases;
//   - each change is applied once, in the order of their numbers.
class Book {
 public:
  struct Options {
    std::string model;
    ModelGeometry geometry;
    StepTimeShape step_time;
    FailureDetector::Options silence;
    // How long a lost node is kept.
    absl::Duration forget_lost_after = absl::Minutes(10);
    std::size_t max_nodes = 4096;
    std::size_t max_leases = 1'000'000;
  };

  explicit Book(Options options);
  // The book that the snapshot was taken of. REQUIRES: the same options.
  Book(Options options, const BookSnapshot& snapshot);

  // The only way to change what the book holds. An error, and nothing is changed, if the change is
  // not the next one or breaks a rule.
  absl::StatusOr<Applied> Apply(const Change& change);
  // The number of the last change; 0 before the first.
  std::uint64_t last_number() const { return last_number_; }

  BookSnapshot Snapshot() const;
  // Of all leases, loads and hazards: equal if these are, also between processes and machines.
  std::uint64_t Digest() const;

  // What follows is there to be read. Decisions keep scratch values on nodes and groups, which are
  // no part of the book.
  const ModelGeometry& geometry() const { return options_.geometry; }
  const Fleet& fleet() const { return fleet_; }
  const LeaseTable& leases() const { return leases_; }
  const FailureDetector& detector() const { return detector_; }
  DecodeNode* FindNode(absl::string_view node_id) const { return fleet_.Find(node_id); }
  const Lease* FindLease(absl::string_view request_id) const { return leases_.Find(request_id); }
  std::uint64_t last_lease_id() const { return last_lease_id_; }
  // Changes whenever a node comes, goes, or begins or ceases to take placements.
  std::uint64_t fleet_version() const { return fleet_version_; }

  // RESOURCE_EXHAUSTED if no request without a lease may get one.
  absl::Status CheckLeaseLimit() const;
  // What a registration would come to; see registration.h.
  absl::StatusOr<Registration> CheckRegistration(const NodeSpec& spec, MonotonicTime now) const;
  // False for a request that a node names, but that ended there a short while ago or does not fit.
  bool MayAdopt(absl::string_view request_id, const DecodeNode& node, MonotonicTime now) const;
  bool EndedRecently(absl::string_view request_id, const DecodeNode& node,
                     MonotonicTime now) const {
    return tombstones_.Contains(request_id, node, now);
  }

  // The nodes that are lost now (failure_detector.h). The caller says so to the book; those that it
  // does not come again.
  std::vector<DecodeNode*> FindSilent(MonotonicTime now) {
    return detector_.Check(fleet_.nodes(), now);
  }
  void FindSilentBy(MonotonicTime at) { detector_.CheckBy(at); }
  // The nodes that are lost for so long that they are to be removed; none before next_forget().
  std::vector<DecodeNode*> FindForgettable(MonotonicTime now);
  MonotonicTime next_forget() const { return next_forget_; }
  // The one to go if the book has as many nodes as it may, or nullptr.
  DecodeNode* FindDispensable(MonotonicTime now) const;
  bool is_full_of_nodes() const { return fleet_.nodes().size() >= options_.max_nodes; }

 private:
  // Each checks its change, and then makes it.
  absl::StatusOr<Applied> Make(const LeaseStarted& started, MonotonicTime at);
  absl::StatusOr<Applied> Make(const LeaseUpdated& updated, MonotonicTime at);
  absl::StatusOr<Applied> Make(const LeaseRenewed& renewed, MonotonicTime at);
  absl::StatusOr<Applied> Make(const LeaseFinished& finished, MonotonicTime at);
  absl::StatusOr<Applied> Make(const ContributionRestored& restored, MonotonicTime at);
  absl::StatusOr<Applied> Make(const BookRestored& restored, MonotonicTime at);
  // book_nodes.cc
  absl::StatusOr<Applied> Make(const NodeRegistered& registered, MonotonicTime at);
  absl::StatusOr<Applied> Make(const NodeReported& reported, MonotonicTime at);
  absl::StatusOr<Applied> Make(const NodeDrained& drained, MonotonicTime at);
  absl::StatusOr<Applied> Make(const NodeLeaving& leaving, MonotonicTime at);
  absl::StatusOr<Applied> Make(const NodeLost& lost, MonotonicTime at);
  absl::StatusOr<Applied> Make(const NodeRemoved& removed, MonotonicTime at);

  absl::Status CheckStarts(const LeaseStarted& started, const Lease* held, const DecodeNode* node,
                           MonotonicTime at) const;
  // The lease of these ids, or FAILED_PRECONDITION.
  absl::StatusOr<Lease*> LeaseOf(absl::string_view request_id, std::uint64_t lease_id) const;
  absl::StatusOr<DecodeNode*> NodeOf(absl::string_view node_id) const;
  absl::Status CheckCodes(absl::Span<const std::uint8_t> codes) const;
  static void Fill(const LeaseRecord& record, DecodeNode& node, MonotonicTime at, Lease& lease);
  // Takes the lease off its node and out of the table, and keeps it until the next one ends.
  void End(const Lease& lease, MonotonicTime at);

  // False if the record is not to be believed.
  bool RestoreNode(const NodeRecord& record, MonotonicTime at);
  // The lease, not attached yet; nullptr if the record is not to be believed.
  Lease* RestoreLease(const LeaseRecord& record, MonotonicTime at);

  // Another process takes the node's id.
  void Succeed(DecodeNode& node, const NodeSpec& spec);
  void SetState(DecodeNode& node, NodeState state, MonotonicTime at);
  Disbeliefs LearnSteps(DecodeNode& node, absl::Span<const StepStats> steps, MonotonicTime at);
  void BeginAbsence(DecodeNode& node, MonotonicTime at);

  const Options options_;
  std::uint64_t last_number_ = 0;
  std::uint64_t last_lease_id_ = 0;
  std::uint64_t fleet_version_ = 0;
  Fleet fleet_;
  LeaseTable leases_;
  mutable LeaseTombstones tombstones_;  // drops what is too old when asked
  FailureDetector detector_;
  // No lost node is to be forgotten before this.
  MonotonicTime next_forget_ = absl::InfiniteDuration();
  std::unique_ptr<Lease> ended_;  // the last one
};

}  // namespace eldr

#endif  // ELDR_CORE_BOOKS_BOOK_H_

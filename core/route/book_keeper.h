// Keeps the book of a model: enters changes, ends what time ends, and tells of all of it.
#ifndef ELDR_CORE_ROUTE_BOOK_KEEPER_H_
#define ELDR_CORE_ROUTE_BOOK_KEEPER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/books/book.h"
#include "core/books/change.h"
#include "core/intake/intake.h"
#include "core/route/router_observer.h"

namespace eldr {

// Not thread-safe.
class BookKeeper {
 public:
  // How many leases end by time, or with their node, in one hold of the lock: a millisecond or two.
  static constexpr std::size_t kMostEndsAtOnce = 256;

  // `intake` forgets the signatures of requests that are over. Both must outlive the object.
  BookKeeper(Book::Options options, Intake& intake, RouterObserver& observer);

  // Pointers into it are valid until the next change.
  const Book& book() const { return book_; }

  // Enters a change, as the next one and as of `now`. An error if the book refuses it.
  absl::StatusOr<Applied> Commit(Change& change, MonotonicTime now);

  // The changes that follow from what is in the book, so that it does not refuse them.
  void Renew(const Lease& lease, absl::Duration ttl, MonotonicTime now);
  void End(const Lease& lease, LeaseEnd end, MonotonicTime now);
  // Ends leases on a node, `most` of them, and answers how many.
  std::uint32_t EndOn(const DecodeNode& node, LeaseEnd end, MonotonicTime now,
                      std::size_t most = SIZE_MAX);
  // Ends the leases of the requests that a node has finished.
  void EndFinished(const DecodeNode& node, const NodeReport& report, MonotonicTime now);
  void SetDraining(const DecodeNode& node, bool draining, MonotonicTime now);
  // The node takes no more requests, since it is to go.
  void BeginLeaving(const DecodeNode& node, MonotonicTime now);
  // REQUIRES: it has no leases.
  void Remove(const DecodeNode& node, MonotonicTime now);
  // Removes a node with its leases, of the router's own accord.
  void Forget(const DecodeNode& node, MonotonicTime now);
  // The ids of those since the last call.
  std::vector<std::string> TakeForgotten();

  // Ends what time has ended. If very much has at once, the rest is left to the next calls.
  void Advance(MonotonicTime now);
  // The last call left some.
  bool has_backlog() const { return backlog_; }

 private:
  void ExpireLeases(MonotonicTime now);
  void LoseSilentNodes(MonotonicTime now);
  void Tell(const Change& change, const Applied& applied);
  void TellNode(const Change& change, const Applied& applied);

  const std::string model_;
  Intake& intake_;
  RouterObserver& observer_;
  Book book_;
  std::vector<std::string> forgotten_;
  bool backlog_ = false;
  // Changes that are made again and again, kept for their buffers; each is always of the same kind.
  Change renewal_, finish_;
};

}  // namespace eldr

#endif  // ELDR_CORE_ROUTE_BOOK_KEEPER_H_

#include "core/route/book_keeper.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/container/flat_hash_set.h"
#include "core/base/status_macros.h"

namespace eldr {
namespace {

// False for a request that is to go on elsewhere, on what is known of it.
bool IsOver(LeaseEnd end) { return end != LeaseEnd::kNodeLost && end != LeaseEnd::kNodeRemoved; }

}  // namespace

BookKeeper::BookKeeper(Book::Options options, Intake& intake, RouterObserver& observer)
    : model_(options.model), intake_(intake), observer_(observer), book_(std::move(options)) {
  renewal_.what = LeaseRenewed{};
  finish_.what = LeaseFinished{};
}

absl::StatusOr<Applied> BookKeeper::Commit(Change& change, MonotonicTime now) {
  change.number = book_.last_number() + 1;
  change.at = now;
  ELDR_ASSIGN_OR_RETURN(const Applied applied, book_.Apply(change));
  Tell(change, applied);
  return applied;
}

void BookKeeper::Tell(const Change& change, const Applied& applied) {
  observer_.OnChange(model_, change);
  if (applied.node != nullptr) TellNode(change, applied);
  if (const auto* const started = std::get_if<LeaseStarted>(&change.what)) {
    if (applied.ended_lease != nullptr) {
      observer_.OnLeaseEnded(model_, *applied.ended_lease, LeaseEnd::kMoved);
    }
    if (started->origin == LeaseOrigin::kAdopted) {
      observer_.OnLeaseAdopted(model_, *applied.lease);
    } else {
      observer_.OnLeasePlaced(model_, *applied.lease);
    }
  } else if (std::holds_alternative<LeaseUpdated>(change.what)) {
    observer_.OnLeaseUpdated(model_, *applied.lease);
  } else if (const auto* const finished = std::get_if<LeaseFinished>(&change.what)) {
    // Else it would decide for the next request of this id.
    if (IsOver(finished->end)) intake_.Forget(finished->request_id);
    observer_.OnLeaseEnded(model_, *applied.ended_lease, finished->end);
  }
}

void BookKeeper::TellNode(const Change& change, const Applied& applied) {
  const DecodeNode& node = *applied.node;
  if (std::holds_alternative<NodeRegistered>(change.what)) {
    if (applied.registration == Registration::kKnown) {
      observer_.OnNodeRespecified(node);
    } else {
      observer_.OnNodeRegistered(node);
    }
  } else if (std::holds_alternative<NodeDrained>(change.what)) {
    observer_.OnNodeDraining(node);
  }
  for (std::size_t cause = 0; cause < kDisbeliefs; ++cause) {
    if (!applied.disbeliefs.test(cause)) continue;
    observer_.OnReportNotBelieved(node, static_cast<Disbelief>(cause), node.not_believed[cause]);
  }
  if (node.state != applied.state_before) observer_.OnNodeState(node, applied.state_before);
}

void BookKeeper::Renew(const Lease& lease, absl::Duration ttl, MonotonicTime now) {
  LeaseRenewed& renewed = std::get<LeaseRenewed>(renewal_.what);
  renewed.lease_id = lease.id;
  renewed.request_id = lease.request_id;
  renewed.ttl = ttl;
  Commit(renewal_, now).value();
}

void BookKeeper::End(const Lease& lease, LeaseEnd end, MonotonicTime now) {
  LeaseFinished& finished = std::get<LeaseFinished>(finish_.what);
  finished.lease_id = lease.id;
  finished.request_id = lease.request_id;
  finished.end = end;
  Commit(finish_, now).value();
}

std::uint32_t BookKeeper::EndOn(const DecodeNode& node, LeaseEnd end, MonotonicTime now,
                                std::size_t most) {
  std::vector<Lease*> leases;
  if (node.lease_list.size() <= most) {
    leases = node.lease_list;
  } else {
    leases.assign(node.lease_list.end() - static_cast<std::ptrdiff_t>(most), node.lease_list.end());
  }
  // Their order is that of chance; what is done to them must not depend on it.
  std::sort(leases.begin(), leases.end(),
            [](const Lease* a, const Lease* b) { return a->id < b->id; });
  for (const Lease* lease : leases) End(*lease, end, now);
  return static_cast<std::uint32_t>(leases.size());
}

void BookKeeper::EndFinished(const DecodeNode& node, const NodeReport& report, MonotonicTime now) {
  std::vector<FinishedRequest> all = report.finished;
  for (const std::string* id : report.finished_request_ids) all.push_back({*id, 0});
  absl::flat_hash_set<absl::string_view> running;  // filled when it is asked for
  for (const FinishedRequest& finished : all) {
    const Lease* const lease = book_.FindLease(finished.request_id);
    if (lease == nullptr || lease->node != &node) continue;
    if (finished.lease_id != 0) {
      if (lease->id == finished.lease_id) End(*lease, LeaseEnd::kReportedFinished, now);
      continue;
    }
    if (running.empty()) {
      for (const std::string* id : report.running_request_ids) running.insert(*id);
    }
    // The report may be of an earlier request of this id.
    const bool later = node.restored_at && lease->placed_at > *node.restored_at;
    if (later || running.contains(finished.request_id) ||
        book_.EndedRecently(finished.request_id, node, now)) {
      continue;
    }
    End(*lease, LeaseEnd::kReportedFinished, now);
  }
}

void BookKeeper::SetDraining(const DecodeNode& node, bool draining, MonotonicTime now) {
  if (node.draining == draining) return;
  Change change = {.what = NodeDrained{node.spec.node_id, draining}};
  Commit(change, now).value();
}

void BookKeeper::BeginLeaving(const DecodeNode& node, MonotonicTime now) {
  if (node.leaving) return;
  Change change = {.what = NodeLeaving{node.spec.node_id}};
  Commit(change, now).value();
}

void BookKeeper::Remove(const DecodeNode& node, MonotonicTime now) {
  observer_.OnNodeRemoved(node);
  Change change = {.what = NodeRemoved{node.spec.node_id}};
  Commit(change, now).value();
}

void BookKeeper::Forget(const DecodeNode& node, MonotonicTime now) {
  forgotten_.push_back(node.spec.node_id);
  EndOn(node, LeaseEnd::kNodeRemoved, now);
  Remove(node, now);
}

std::vector<std::string> BookKeeper::TakeForgotten() { return std::exchange(forgotten_, {}); }

void BookKeeper::Advance(MonotonicTime now) {
  backlog_ = false;
  ExpireLeases(now);
  if (now >= book_.detector().next_check()) LoseSilentNodes(now);
  if (now >= book_.next_forget()) {
    for (const DecodeNode* const node : book_.FindForgettable(now)) Forget(*node, now);
  }
}

void BookKeeper::ExpireLeases(MonotonicTime now) {
  std::size_t ended = 0;
  while (const Lease* lease = book_.leases().NextExpired(now)) {
    if (ended++ == kMostEndsAtOnce) {
      backlog_ = true;
      return;
    }
    End(*lease, LeaseEnd::kExpired, now);
  }
}

void BookKeeper::LoseSilentNodes(MonotonicTime now) {
  const bool panic = book_.detector().panic();
  const std::vector<DecodeNode*> lost = book_.FindSilent(now);
  if (book_.detector().panic() != panic) observer_.OnPanicMode(model_, !panic);
  for (const DecodeNode* const node : lost) BeginLeaving(*node, now);
  std::size_t room = kMostEndsAtOnce;
  for (const DecodeNode* const node : lost) {
    room -= EndOn(*node, LeaseEnd::kNodeLost, now, room);
    if (node->leases > 0) {
      backlog_ = true;
      book_.FindSilentBy(now);  // this one and those after it come again
      return;
    }
    Change change = {.what = NodeLost{node->spec.node_id}};
    Commit(change, now).value();
  }
}

}  // namespace eldr

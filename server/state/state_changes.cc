// What the router tells of, queued for the thread that writes it (state_store.cc).
#include <algorithm>
#include <utility>

#include "server/state/state_convert.h"
#include "server/state/state_store.h"

namespace eldr {
namespace {

// Some seconds of a busy router's changes; a disk that is further behind does not catch up.
constexpr std::size_t kMostQueuedBytes = std::size_t{128} << 20;

}  // namespace

void StateStore::Enqueue(Queued queued) {
  MutexLock lock(mutex_);
  last_lease_ = std::max(last_lease_, queued.change == Change::kLease ? queued.lease_id : 0);
  if (keeping_ == Keeping::kNo) return;
  queued_bytes_ += sizeof(Queued) + queued.key.size() + queued.body.size() + queued.codes.size();
  if (queued_bytes_ > kMostQueuedBytes) {
    keeping_ = Keeping::kNo;
    overflown_ = true;
    queue_.clear();
    queued_bytes_ = 0;
    return;
  }
  queue_.push_back(std::move(queued));
  if (always()) wake_.NotifyOne();
}

std::uint64_t StateStore::LastLeaseId() {
  MutexLock lock(mutex_);
  return last_lease_;
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
  MutexLock lock(mutex_);
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
    MutexLock lock(mutex_);
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

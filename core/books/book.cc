#include "core/books/book.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/limit_exceeded.h"
#include "core/base/status_macros.h"
#include "core/books/lease_fields.h"
#include "core/books/room.h"

namespace eldr {
namespace {

void TakeSignature(const LeaseRecord& record, Lease& lease) {
  lease.quality = record.quality;
  lease.signature_coverage = record.signature_coverage;
  lease.signature_tokens = record.signature_tokens;
  lease.whole_prompt = record.whole_prompt;
  lease.appended = record.appended;
  lease.learned = record.learned;
}

}  // namespace

void Book::Fill(const LeaseRecord& record, DecodeNode& node, MonotonicTime at, Lease& lease) {
  lease.id = record.id;
  lease.request_id = record.request_id;
  lease.node = &node;
  lease.sequences = record.sequences;
  lease.context_tokens = record.context_tokens;
  lease.kv_tokens = record.kv_tokens;
  TakeSignature(record, lease);
  lease.ttl = record.ttl;
  lease.placed_at = at;
  lease.expires_at = at + record.ttl;
}

Book::Book(Options options)
    : options_(std::move(options)),
      fleet_(options_.geometry, options_.step_time),
      tombstones_(2 * options_.silence.node_timeout),
      detector_(options_.silence) {}

absl::StatusOr<Applied> Book::Apply(const Change& change) {
  if (change.number != last_number_ + 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("number: got ", change.number, ", expected ", last_number_ + 1,
                     change.number <= last_number_ ? ": it is applied already"
                                                   : ": changes before it are missing"));
  }
  ELDR_ASSIGN_OR_RETURN(
      Applied applied,
      std::visit([&](const auto& what) { return Make(what, change.at); }, change.what));
  last_number_ = change.number;
  return applied;
}

absl::StatusOr<Lease*> Book::LeaseOf(absl::string_view request_id, std::uint64_t lease_id) const {
  Lease* const lease = leases_.Find(request_id);
  if (lease != nullptr && lease->id == lease_id) return lease;
  return absl::FailedPreconditionError(
      absl::StrCat("request_id: \"", request_id, "\" holds ",
                   lease == nullptr ? "no lease" : absl::StrCat("lease ", lease->id),
                   ", expected lease ", lease_id));
}

absl::StatusOr<DecodeNode*> Book::NodeOf(absl::string_view node_id) const {
  if (DecodeNode* const node = fleet_.Find(node_id)) return node;
  return absl::NotFoundError(absl::StrCat("node_id: \"", node_id, "\" is not registered"));
}

absl::Status Book::CheckCodes(absl::Span<const std::uint8_t> codes) const {
  const std::size_t cells = options_.geometry.cells();
  if (codes.size() == cells) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("codes: got ", codes.size(), ", expected ", cells, " (layers * experts)"));
}

absl::Status Book::CheckLeaseLimit() const {
  if (leases_.size() < options_.max_leases) return absl::OkStatus();
  return LimitExceeded("leases_per_model", absl::StrCat("model \"", options_.model, "\": holds ",
                                                        leases_.size(), " leases, the limit"));
}

bool Book::MayAdopt(absl::string_view request_id, const DecodeNode& node, MonotonicTime now) const {
  return !EndedRecently(request_id, node, now) && leases_.size() < options_.max_leases &&
         node.group->residency.Fits(node.spec.tokens_per_step);
}

absl::Status Book::CheckStarts(const LeaseStarted& started, const Lease* held,
                               const DecodeNode* node, MonotonicTime at) const {
  const LeaseRecord& lease = started.lease;
  if ((started.origin == LeaseOrigin::kMoved) != (held != nullptr)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "request_id: \"", lease.request_id, "\" holds ", held == nullptr ? "no" : "a", " lease"));
  }
  if (lease.id <= last_lease_id_) {
    return absl::FailedPreconditionError(
        absl::StrCat("id: got ", lease.id, ", expected more than ", last_lease_id_));
  }
  ELDR_RETURN_IF_ERROR(CheckCodes(started.codes));
  if (started.origin == LeaseOrigin::kAdopted) {
    if (MayAdopt(lease.request_id, *node, at)) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat("request_id: \"", lease.request_id, "\" ended on node \"", lease.node_id,
                     "\" a short while ago, or does not fit there"));
  }
  if (held == nullptr) ELDR_RETURN_IF_ERROR(CheckLeaseLimit());
  if (node->state != NodeState::kReady || node->leaving) {
    return absl::FailedPreconditionError(
        absl::StrCat("node_id: \"", lease.node_id, "\" is not ready"));
  }
  if (RoomFor({lease.sequences, lease.context_tokens, lease.kv_tokens}, *node) == Room::kEnough) {
    return absl::OkStatus();
  }
  return NodeCapacityExceeded(absl::StrCat("node \"", lease.node_id, "\" is full"));
}

absl::StatusOr<Applied> Book::Make(const LeaseStarted& started, MonotonicTime at) {
  const Lease* const held = leases_.Find(started.lease.request_id);
  ELDR_ASSIGN_OR_RETURN(DecodeNode* const node, NodeOf(started.lease.node_id));
  ELDR_RETURN_IF_ERROR(CheckStarts(started, held, node, at));
  std::unique_ptr<Lease> lease = leases_.NewLease();
  Fill(started.lease, *node, at, *lease);
  lease->contribution = started.codes;
  last_lease_id_ = lease->id;
  Applied applied{.node = node, .state_before = node->state};
  if (held != nullptr) {
    End(*held, at);
    applied.ended_lease = ended_.get();
  }
  fleet_.Attach(*lease);
  if (started.origin != LeaseOrigin::kAdopted) node->placed_since_report += lease->sequences;
  applied.lease = leases_.Insert(std::move(lease));
  return applied;
}

absl::StatusOr<Applied> Book::Make(const LeaseUpdated& updated, MonotonicTime /*at*/) {
  ELDR_ASSIGN_OR_RETURN(Lease* const lease, LeaseOf(updated.lease.request_id, updated.lease.id));
  ELDR_RETURN_IF_ERROR(CheckCodes(updated.codes));
  fleet_.ReplaceContribution(*lease, updated.codes);
  TakeSignature(updated.lease, *lease);
  return Applied{.lease = lease};
}

absl::StatusOr<Applied> Book::Make(const LeaseRenewed& renewed, MonotonicTime at) {
  ELDR_ASSIGN_OR_RETURN(Lease* const lease, LeaseOf(renewed.request_id, renewed.lease_id));
  ELDR_RETURN_IF_ERROR(ValidateLeaseTtl(renewed.ttl));
  leases_.Renew(*lease, renewed.ttl, at);
  return Applied{.lease = lease};
}

absl::StatusOr<Applied> Book::Make(const LeaseFinished& finished, MonotonicTime at) {
  ELDR_ASSIGN_OR_RETURN(Lease* const lease, LeaseOf(finished.request_id, finished.lease_id));
  if (finished.end == LeaseEnd::kMoved) {
    return absl::InvalidArgumentError("end: got moved, expected the lease that it moved to");
  }
  End(*lease, at);
  return Applied{.ended_lease = ended_.get()};
}

void Book::End(const Lease& lease, MonotonicTime at) {
  fleet_.Detach(lease);
  // Of every node: one that said it sends no heartbeats may report all the same.
  tombstones_.Note(lease.request_id, *lease.node, at);
  lease.node->ended_since_report += lease.sequences;
  if (ended_ != nullptr) leases_.Recycle(std::move(ended_));
  ended_ = leases_.Take(lease);
}

}  // namespace eldr

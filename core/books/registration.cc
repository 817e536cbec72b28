#include "core/books/registration.h"

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace eldr {
namespace {

constexpr absl::string_view kRemedies =
    "give this node an id of its own, or remove the other one first (it gives way by itself once "
    "it is lost)";

bool SameAddress(const DecodeNode& node, const NodeSpec& spec) {
  return node.spec.address == spec.address && node.spec.dp_rank == spec.dp_rank;
}

// How long ago it was heard, for messages.
std::string Heard(const DecodeNode& node, MonotonicTime now) {
  if (!node.sends_heartbeats()) return "sends no heartbeats";
  if (!node.last_heartbeat) return "is expected to send heartbeats";
  return absl::StrCat(
      "was heard ",
      absl::FormatDuration(absl::Trunc(now - *node.last_heartbeat, absl::Milliseconds(1))), " ago");
}

// OK if a process that is registered may change its particulars to `spec`.
absl::Status CheckRespecifies(const DecodeNode& node, const NodeSpec& spec) {
  const bool moves = spec.group_name() != node.spec.group_name() ||
                     spec.tokens_per_step != node.spec.tokens_per_step;
  if (!moves || node.leases == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "node \"", spec.node_id, "\" holds ", node.leases,
      " leases: expected the same expert_group and tokens_per_step, or a higher incarnation"));
}

}  // namespace

bool IsAbsent(const DecodeNode& node, absl::Duration node_timeout, MonotonicTime now) {
  if (node.state == NodeState::kJoining) return now - node.absent_since > node_timeout;
  return node.state == NodeState::kLost;
}

absl::StatusOr<Registration> CheckRegistration(const DecodeNode& node, const NodeSpec& spec,
                                               absl::Duration node_timeout, MonotonicTime now) {
  const NodeSpec& held = node.spec;
  if (spec.incarnation == held.incarnation && SameAddress(node, spec)) {
    ELDR_RETURN_IF_ERROR(CheckRespecifies(node, spec));
    return Registration::kKnown;
  }
  if (IsAbsent(node, node_timeout, now)) return Registration::kSuccessor;
  if (spec.incarnation > held.incarnation && node.displaced &&
      node.displaced->incarnation == spec.incarnation && node.displaced->address == spec.address &&
      node.displaced->dp_rank == spec.dp_rank) {
    return absl::FailedPreconditionError(absl::StrCat(
        "node.incarnation: got ", spec.incarnation, " of the process at ", spec.address,
        ", which lost the id \"", spec.node_id, "\" to its successor at ", held.address, " (",
        held.incarnation, "); that one ", Heard(node, now), ": ", kRemedies));
  }
  if (spec.incarnation > held.incarnation) return Registration::kSuccessor;
  if (spec.incarnation < held.incarnation) {
    return absl::FailedPreconditionError(absl::StrCat(
        "node.incarnation: got ", spec.incarnation, ", expected at least ", held.incarnation,
        ", which is registered for \"", spec.node_id, "\" and ", Heard(node, now),
        ": a newer process took the id; if its clock was ahead, ", kRemedies));
  }
  return absl::AlreadyExistsError(absl::StrCat(
      "node.node_id: \"", spec.node_id, "\" is registered at ", held.address,
      " with the same incarnation (", spec.incarnation, ") and ", Heard(node, now),
      ": register a higher incarnation if this is its next process; else ", kRemedies));
}

absl::Status CheckGivesWay(const DecodeNode& node, absl::Duration node_timeout, MonotonicTime now) {
  if (IsAbsent(node, node_timeout, now)) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(
      "node.node_id: \"", node.spec.node_id, "\" is registered for model \"", node.spec.model,
      "\" at ", node.spec.address, " and ", Heard(node, now), ": ", kRemedies));
}

}  // namespace eldr

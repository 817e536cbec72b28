#include "core/route/eligibility.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/base/limit_exceeded.h"

namespace eldr {
namespace {

enum Mark : std::uint8_t { kAllow = 1, kExclude = 2, kPrefer = 4 };

std::optional<Ineligible> CheckNode(const DecodeNode& node, const QueryMarks& marks,
                                    const Demand& demand) {
  if (node.state == NodeState::kJoining) return Ineligible::kJoining;
  if (node.state == NodeState::kLost || node.leaving) return Ineligible::kLost;
  if (node.draining) return Ineligible::kDraining;
  if (!marks.Permits(node)) return Ineligible::kQuery;
  switch (RoomFor(demand, node)) {
    case Room::kNoCapacity:
      return Ineligible::kCapacity;
    case Room::kNoKv:
      return Ineligible::kKvCapacity;
    case Room::kEnough:
      break;
  }
  return std::nullopt;
}

// Keeps the candidates that `keep` holds for; the others count for `reason`.
template <typename Predicate>
void KeepOnly(Eligibility& result, Ineligible reason, Predicate keep) {
  auto& candidates = result.candidates;
  const auto end = std::remove_if(candidates.begin(), candidates.end(),
                                  [&](const Candidate& candidate) { return !keep(candidate); });
  result.ineligible[static_cast<std::size_t>(reason)] +=
      static_cast<std::uint32_t>(candidates.end() - end);
  candidates.erase(end, candidates.end());
}

}  // namespace

QueryMarks::QueryMarks(const Fleet& fleet, const PlacementQuery& query)
    : allow_all_(query.allow_nodes.empty()) {
  const auto mark = [&](absl::Span<const std::string* const> ids, std::uint8_t bit) {
    for (const std::string* id : ids) {
      DecodeNode* node = fleet.Find(*id);
      if (node == nullptr) continue;
      node->query_marks |= bit;
      marked_.push_back(node);
    }
  };
  mark(query.allow_nodes, kAllow);
  mark(query.exclude_nodes, kExclude);
  mark(query.prefer_nodes, kPrefer);
}

QueryMarks::~QueryMarks() {
  for (DecodeNode* node : marked_) node->query_marks = 0;
}

bool QueryMarks::Permits(const DecodeNode& node) const {
  return (node.query_marks & kExclude) == 0 && (allow_all_ || (node.query_marks & kAllow) != 0);
}

bool QueryMarks::Prefers(const DecodeNode& node) { return (node.query_marks & kPrefer) != 0; }

void UpdateBatches(const Fleet& fleet, const FailureDetector& detector, MonotonicTime now) {
  for (const auto& node : fleet.nodes()) node->group->batch = 0;
  for (const auto& node : fleet.nodes()) {
    node->group->batch += node->Load(detector.ReportIsFresh(*node, now));
  }
}

void FindEligible(const Fleet& fleet, const QueryMarks& marks, const Demand& demand,
                  const FailureDetector& detector, double max_kv_usage, MonotonicTime now,
                  Eligibility& result) {
  result.candidates.clear();
  result.ineligible.fill(0);
  for (const auto& node : fleet.nodes()) node->group->batch = 0;
  // The batches on the way: in a large fleet each pass over the nodes is a cost of its own.
  for (const auto& node : fleet.nodes()) {
    const std::uint32_t load = node->Load(detector.ReportIsFresh(*node, now));
    node->group->batch += load;
    if (const auto reason = CheckNode(*node, marks, demand)) {
      ++result.ineligible[static_cast<std::size_t>(*reason)];
    } else {
      result.candidates.push_back({.node = node.get(), .load = load});
    }
  }
  const auto has_kv = [&](const Candidate& candidate) {
    const DecodeNode& node = *candidate.node;
    return !detector.ReportIsFresh(node, now) || node.reported_kv_usage.value_or(0) <= max_kv_usage;
  };
  const bool any_has_kv = std::any_of(result.candidates.begin(), result.candidates.end(), has_kv);
  result.kv_usage_waived = !any_has_kv && !result.candidates.empty();
  if (any_has_kv) KeepOnly(result, Ineligible::kKvUsage, has_kv);

  const auto preferred = [](const Candidate& candidate) {
    return QueryMarks::Prefers(*candidate.node);
  };
  if (std::any_of(result.candidates.begin(), result.candidates.end(), preferred)) {
    KeepOnly(result, Ineligible::kQuery, preferred);
  }
}

absl::Status CheckEverFits(const Fleet& fleet, const QueryMarks& marks, const Demand& demand) {
  std::uint64_t most_kv = 0;
  std::uint32_t fewest_tokens = 0;
  for (const auto& node : fleet.nodes()) {
    if (!marks.Permits(*node)) continue;
    const NodeSpec& spec = node->spec;
    const std::uint64_t kv =
        spec.kv_capacity_tokens > 0 ? spec.kv_capacity_tokens : demand.kv_tokens;
    const bool wide =
        std::uint64_t{demand.sequences} * spec.tokens_per_step > kMaxRequestTokensPerStep;
    if (!wide && demand.kv_tokens <= kv) return absl::OkStatus();
    most_kv = std::max(most_kv, kv);
    if (fewest_tokens == 0 || spec.tokens_per_step < fewest_tokens) {
      fewest_tokens = spec.tokens_per_step;
    }
  }
  if (fewest_tokens == 0) return absl::OkStatus();  // nobody is permitted
  if (most_kv < demand.kv_tokens) {
    return absl::InvalidArgumentError(
        absl::StrCat("context_tokens + sequences * max_output_tokens: got ", demand.kv_tokens,
                     ", expected at most ", most_kv,
                     ", the largest kv_capacity_tokens of the nodes that the query permits"));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "sequences: got ", demand.sequences, ", expected at most ",
      kMaxRequestTokensPerStep / fewest_tokens, ": the nodes that the query permits and that have ",
      "the KV for it decode ", fewest_tokens, " or more tokens of each sequence in a step, and a ",
      "request has at most ", kMaxRequestTokensPerStep, " in all"));
}

absl::Status NoCandidateError(absl::string_view model, const Eligibility& eligibility) {
  std::string reasons;
  for (std::size_t i = 0; i < kIneligibleReasons; ++i) {
    if (eligibility.ineligible[i] == 0) continue;
    absl::StrAppend(&reasons, reasons.empty() ? "" : ", ", eligibility.ineligible[i], " ",
                    Name(static_cast<Ineligible>(i)));
  }
  if (reasons.empty()) {
    return absl::UnavailableError(absl::StrCat("model \"", model, "\": no node is registered"));
  }
  const auto count = [&](Ineligible reason) {
    return eligibility.ineligible[static_cast<std::size_t>(reason)];
  };
  if (count(Ineligible::kCapacity) + count(Ineligible::kKvCapacity) > 0) {
    return NodeCapacityExceeded(
        absl::StrCat("model \"", model, "\": every eligible node is full (", reasons, ")"));
  }
  return absl::UnavailableError(
      absl::StrCat("model \"", model, "\": no node is eligible (", reasons, ")"));
}

}  // namespace eldr

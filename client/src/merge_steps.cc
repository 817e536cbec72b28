#include <map>
#include <utility>

#include "client/src/node_reports.h"
#include "client/src/proto_duration.h"

namespace eldr::client::internal {
namespace {

void Merge(v1::StepStats& there, const v1::StepStats& more) {
  const uint64_t steps = there.steps() + more.steps();
  const double share = static_cast<double>(more.steps()) / static_cast<double>(steps);
  const auto mean = [share](double one, double other) { return one + (other - one) * share; };
  there.set_mean_batch(mean(there.mean_batch(), more.mean_batch()));
  // What is not known of all is not known.
  if (there.has_mean_context_tokens() && more.has_mean_context_tokens()) {
    there.set_mean_context_tokens(mean(there.mean_context_tokens(), more.mean_context_tokens()));
  } else {
    there.clear_mean_context_tokens();
  }
  if (there.has_mean_distinct_experts() && more.has_mean_distinct_experts()) {
    there.set_mean_distinct_experts(
        mean(there.mean_distinct_experts(), more.mean_distinct_experts()));
  } else {
    there.clear_mean_distinct_experts();
  }
  there.set_steps(steps);
  *there.mutable_total_duration() =
      ToProto(FromProto(there.total_duration()) + FromProto(more.total_duration()));
}

}  // namespace

std::vector<v1::StepStats> MergeSteps(const std::vector<v1::StepStats>& kept,
                                      const std::vector<v1::StepStats>& more) {
  std::map<uint32_t, v1::StepStats> merged;
  for (const auto* part : {&kept, &more}) {
    for (const v1::StepStats& stats : *part) {
      if (stats.steps() == 0) continue;
      const auto [there, is_new] = merged.try_emplace(stats.max_batch(), stats);
      if (!is_new) Merge(there->second, stats);
    }
  }
  std::vector<v1::StepStats> list;
  list.reserve(merged.size());
  for (auto& [bound, stats] : merged) list.push_back(std::move(stats));
  return list;
}

}  // namespace eldr::client::internal

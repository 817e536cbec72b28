#include "client/scrape/step_window.h"

#include <algorithm>
#include <cmath>

namespace eldr::scrape {
namespace {

constexpr absl::string_view kOutcomes[kWindowOutcomes] = {"steps",   "idle",  "no_steps",
                                                          "prefill", "mixed", "restarted"};
// Steps that fall into more buckets of the engine's histogram than this had no common batch.
constexpr int kMostBuckets = 2;
// More than any engine runs between two looks, and longer than any step takes: what exceeds it is
// neither.
constexpr double kMostSteps = 1e9;
constexpr double kMostSeconds = 3600;

struct Growth {
  double count = 0;
  double sum = 0;
};

// How much a histogram grew; nullopt if it shrank.
std::optional<Growth> GrowthOf(const PageHistogram& before, const PageHistogram& after) {
  const Growth growth = {after.count - before.count, after.sum - before.sum};
  if (growth.count < 0 || growth.sum < 0) return std::nullopt;
  return growth;
}

// Into how many buckets the new observations fell.
int BucketsHit(const PageHistogram& before, const PageHistogram& after) {
  int hit = 0;
  double below = 0;
  for (const auto& [bound, count] : after.buckets) {
    const auto was = before.buckets.find(bound);
    const double grown = count - (was == before.buckets.end() ? 0 : was->second);
    hit += grown > below;
    below = std::max(below, grown);
  }
  return hit;
}

WindowResult Outcome(WindowOutcome outcome) { return {.outcome = outcome, .window = {}}; }

WindowResult Steps(double steps, double batch, const Growth& latency) {
  const double seconds = latency.sum / latency.count;
  if (!(steps >= 0.5) || !(batch >= 1) || steps > kMostSteps || batch > kMostSequences ||
      !(seconds <= kMostSeconds)) {
    return Outcome(WindowOutcome::kNoSteps);
  }
  return {.outcome = WindowOutcome::kSteps,
          .window = {.steps = static_cast<std::uint64_t>(std::llround(steps)),
                     .mean_batch = batch,
                     .mean_duration = absl::Seconds(seconds)}};
}

}  // namespace

absl::string_view Name(WindowOutcome outcome) {
  return kOutcomes[static_cast<std::size_t>(outcome)];
}

WindowResult StepsBetween(const EnginePage& before, const EnginePage& after,
                          std::uint32_t tokens_per_step) {
  if (before.start_time && after.start_time && *before.start_time != *after.start_time) {
    return Outcome(WindowOutcome::kRestarted);
  }
  if (!before.inter_token_latency || !after.inter_token_latency) {
    return Outcome(WindowOutcome::kNoSteps);
  }
  const auto latency = GrowthOf(*before.inter_token_latency, *after.inter_token_latency);
  const bool iterations = before.iteration_tokens && after.iteration_tokens;
  const auto tokens = iterations ? GrowthOf(*before.iteration_tokens, *after.iteration_tokens)
                                 : std::optional<Growth>(Growth{});
  const double prompt = after.prompt_tokens.value_or(0) - before.prompt_tokens.value_or(0);
  if (!latency || !tokens || prompt < 0) return Outcome(WindowOutcome::kRestarted);
  if (prompt > 0) return Outcome(WindowOutcome::kPrefill);
  if (latency->count == 0) return Outcome(WindowOutcome::kIdle);

  const double gauge = (before.running + after.running) / 2;
  if (!iterations) {
    // Each running request gets a token per step, or what speculation verifies.
    return Steps(latency->count / std::max(gauge, 1.0), std::max(gauge, 1.0), *latency);
  }
  if (tokens->count == 0) return Outcome(WindowOutcome::kIdle);
  if (BucketsHit(*before.iteration_tokens, *after.iteration_tokens) > kMostBuckets) {
    return Outcome(WindowOutcome::kMixed);
  }
  const double batch = tokens_per_step > 1 ? std::max(gauge, 1.0) : tokens->sum / tokens->count;
  return Steps(tokens->count, batch, *latency);
}

}  // namespace eldr::scrape

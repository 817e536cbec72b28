#include "eldr/client/step_recorder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/src/proto_duration.h"

namespace eldr::client {
namespace {

constexpr uint32_t kLargestBatch = 1'000'000;

std::vector<uint32_t> MakeDefaultBuckets() {
  std::vector<uint32_t> bounds = {1, 2, 4};
  for (uint32_t bound = 8; bound <= 256; bound += 8) bounds.push_back(bound);
  for (uint32_t bound = 272; bound <= 512; bound += 16) bounds.push_back(bound);
  while (bounds.back() * 2 < kLargestBatch) bounds.push_back(bounds.back() * 2);
  bounds.push_back(kLargestBatch);
  return bounds;
}

}  // namespace

absl::Span<const uint32_t> DefaultStepBuckets() {
  static const auto* const buckets = new std::vector<uint32_t>(MakeDefaultBuckets());
  return *buckets;
}

StepRecorder::StepRecorder(absl::Span<const uint32_t> buckets)
    : buckets_(buckets.begin(), buckets.end()) {}

absl::Status StepRecorder::Add(const Step& step) {
  if (!(step.batch >= 1) || !std::isfinite(step.batch) || step.duration < absl::ZeroDuration() ||
      step.duration == absl::InfiniteDuration()) {
    return absl::InvalidArgumentError(absl::StrCat("a step of ", step.batch, " requests in ",
                                                   absl::FormatDuration(step.duration),
                                                   ", expected at least 1 in 0 s or more"));
  }
  if (step.count == 0) return absl::OkStatus();
  const auto place = std::lower_bound(buckets_.begin(), buckets_.end(), step.batch);
  const uint32_t bound = place == buckets_.end() ? buckets_.back() : *place;
  const auto count = static_cast<double>(step.count);
  Sums& sums = sums_[bound];
  sums.steps += step.count;
  sums.duration += step.duration * count;
  sums.batch += std::min(step.batch, static_cast<double>(bound)) * count;
  if (step.context_tokens) {
    sums.context_tokens += *step.context_tokens * count;
    sums.with_context += step.count;
  }
  if (step.distinct_experts) {
    sums.experts += *step.distinct_experts * count;
    sums.with_experts += step.count;
  }
  return absl::OkStatus();
}

std::vector<v1::StepStats> StepRecorder::Take() {
  std::vector<v1::StepStats> taken;
  for (const auto& [bound, sums] : std::exchange(sums_, {})) {
    v1::StepStats& stats = taken.emplace_back();
    stats.set_max_batch(bound);
    stats.set_steps(sums.steps);
    *stats.mutable_total_duration() = internal::ToProto(sums.duration);
    stats.set_mean_batch(sums.batch / static_cast<double>(sums.steps));
    if (sums.with_context > 0) {
      stats.set_mean_context_tokens(sums.context_tokens / static_cast<double>(sums.with_context));
    }
    if (sums.with_experts > 0) {
      stats.set_mean_distinct_experts(sums.experts / static_cast<double>(sums.with_experts));
    }
  }
  return taken;
}

}  // namespace eldr::client

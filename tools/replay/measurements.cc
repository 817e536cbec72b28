#include "tools/replay/measurements.h"

#include <algorithm>
#include <limits>

namespace eldr::replay {
namespace {

double Ratio(double part, double whole) { return whole == 0 ? 0 : part / whole; }
double Ratio(std::uint64_t part, std::uint64_t whole) {
  return Ratio(static_cast<double>(part), static_cast<double>(whole));
}

}  // namespace

void Measurements::OnArrival(LiveRequest& request, const std::vector<SimulatedNode>& nodes) {
  ++arrivals_;
  request.measured = InInterval(request.arrival);
  if (request.measured) {
    ++measured_;
    std::size_t idlest = std::numeric_limits<std::size_t>::max();
    std::size_t busiest = 0;
    for (const SimulatedNode& node : nodes) {
      if (!node.serving()) continue;
      idlest = std::min(idlest, node.load());
      busiest = std::max(busiest, node.load());
    }
    load_spread_sum_ += busiest - std::min(idlest, busiest);
    if (live_ > 0) {
      ++found_live_;
      live_copies_sum_ += Ratio(live_, live_distinct_);
    }
  }
  ++live_;
  if (++live_copies_[request.trace_index] == 1) ++live_distinct_;
}

void Measurements::OnStep(MonotonicTime begin, const Step& step, const SimulatedNode& node) {
  if (!InInterval(begin)) return;
  ++steps_;
  batch_sum_ += step.batch;
  weighted_union_sum_ += std::uint64_t{step.batch} * step.distinct_experts;
  std::uint64_t distinct = 0;
  for (const std::unique_ptr<LiveRequest>& request : node.batch()) {
    std::uint64_t& stamp = batch_stamp_[request->trace_index];
    if (stamp != steps_) ++distinct;
    stamp = steps_;
  }
  batch_copies_sum_ += Ratio(step.batch, distinct);
}

void Measurements::OnFinished(const LiveRequest& request, MonotonicTime now) {
  --live_;
  if (--live_copies_[request.trace_index] == 0) --live_distinct_;
  if (!request.measured) return;
  const absl::Duration time = (now - request.arrival) / request.output_tokens;
  times_.push_back(time);
  if (time <= limit_) ++within_limit_;
  by_domain_[request.trace->domain].push_back(time);
  if (request.output_tokens > 1) {
    between_.push_back((now - request.first_token) / (request.output_tokens - 1));
  }
}

ReplayResult Measurements::Result(std::size_t layers, MonotonicTime now) {
  ReplayResult result;
  result.time_per_output_token = Summarize(times_);
  result.between_tokens = Summarize(between_);
  for (auto& [domain, times] : by_domain_) result.by_domain[domain] = Summarize(times);
  result.distinct_experts_per_layer = Ratio(weighted_union_sum_, batch_sum_ * layers);
  result.mean_batch = Ratio(batch_sum_, steps_);
  result.steps = steps_;
  result.mean_load_spread = Ratio(load_spread_sum_, measured_);
  result.mean_live_copies = Ratio(live_copies_sum_, static_cast<double>(found_live_));
  result.mean_batch_copies = Ratio(batch_copies_sum_, static_cast<double>(steps_));
  result.arrivals = arrivals_;
  result.waited = waited_;
  result.lost = lost_;
  result.within_limit = within_limit_;
  result.goodput = Ratio(static_cast<double>(within_limit_), absl::ToDoubleSeconds(end_ - begin_));
  result.simulated_time = now;
  return result;
}

}  // namespace eldr::replay

// Collects what a replay measures: requests that arrive, and steps that begin, in an interval.
#ifndef ELDR_TOOLS_REPLAY_MEASUREMENTS_H_
#define ELDR_TOOLS_REPLAY_MEASUREMENTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "core/base/clock.h"
#include "tools/replay/replay_result.h"
#include "tools/replay/simulated_node.h"

namespace eldr::replay {

class Measurements {
 public:
  // Measures in [begin, end), requests of a trace that has `trace_requests` of them;
  // good are those whose time per output token is at most `limit`.
  Measurements(MonotonicTime begin, MonotonicTime end, absl::Duration limit,
               std::size_t trace_requests)
      : begin_(begin),
        end_(end),
        limit_(limit),
        live_copies_(trace_requests),
        batch_stamp_(trace_requests) {}

  bool InInterval(MonotonicTime time) const { return begin_ <= time && time < end_; }

  // A request arrives, to be placed on one of the nodes as they are now; sets `measured`.
  void OnArrival(LiveRequest& request, const std::vector<SimulatedNode>& nodes);
  // A measured request could not be placed when it arrived.
  void OnWait() { ++waited_; }
  // A request lost its node.
  void OnLost(const LiveRequest& request) { lost_ += request.measured ? 1 : 0; }
  void OnStep(MonotonicTime begin, const Step& step, const SimulatedNode& node);
  void OnFinished(const LiveRequest& request, MonotonicTime now);

  std::uint64_t arrivals() const { return arrivals_; }
  std::uint64_t measured() const { return measured_; }
  std::uint64_t measured_finished() const { return times_.size(); }

  ReplayResult Result(std::size_t layers, MonotonicTime now);

 private:
  const MonotonicTime begin_;
  const MonotonicTime end_;
  const absl::Duration limit_;

  std::uint64_t arrivals_ = 0;
  std::uint64_t measured_ = 0;
  std::uint64_t waited_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t within_limit_ = 0;
  std::vector<absl::Duration> times_;
  std::vector<absl::Duration> between_;
  std::map<std::string, std::vector<absl::Duration>> by_domain_;

  // Steps. Sums of integers, so that their order cannot matter.
  std::uint64_t steps_ = 0;
  std::uint64_t batch_sum_ = 0;
  std::uint64_t weighted_union_sum_ = 0;  // of B * U
  double batch_copies_sum_ = 0;

  // As arrivals found the fleet.
  std::uint64_t load_spread_sum_ = 0;
  double live_copies_sum_ = 0;
  std::uint64_t found_live_ = 0;  // measured arrivals that found any request live

  // Live requests by request of the trace, and how many of those are not zero.
  std::vector<std::uint32_t> live_copies_;
  std::uint64_t live_ = 0;
  std::uint64_t live_distinct_ = 0;
  // The last step that had the request of the trace in its batch.
  std::vector<std::uint64_t> batch_stamp_;
};

}  // namespace eldr::replay

#endif  // ELDR_TOOLS_REPLAY_MEASUREMENTS_H_

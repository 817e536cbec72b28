#include "tools/replay/simulated_node.h"

#include <algorithm>
#include <iterator>

namespace eldr::replay {

bool SimulatedNode::BeginStep() {
  batch_.insert(batch_.end(), std::make_move_iterator(joining_.begin()),
                std::make_move_iterator(joining_.end()));
  joining_.clear();
  in_step_ = !batch_.empty();
  return in_step_;
}

void SimulatedNode::JoinExpected(MonotonicTime now) {
  const auto first_to_wait =
      std::find_if(expected_.begin(), expected_.end(),
                   [now](const std::unique_ptr<LiveRequest>& it) { return it->joins > now; });
  std::move(expected_.begin(), first_to_wait, std::back_inserter(joining_));
  expected_.erase(expected_.begin(), first_to_wait);
}

SimulatedNode::Requests SimulatedNode::Crash() {
  Requests lost = std::move(batch_);
  for (Requests* requests : {&joining_, &expected_}) {
    std::move(requests->begin(), requests->end(), std::back_inserter(lost));
    requests->clear();
  }
  batch_.clear();
  state_ = State::kGone;
  return lost;
}

void SimulatedNode::RecordStep(const Step& step) {
  Bucket& bucket = buckets_[step.bucket];
  ++bucket.steps;
  bucket.duration += step.duration;
  bucket.batch += step.batch;
  bucket.context_tokens += static_cast<double>(step.context_tokens);
  bucket.distinct_experts += step.distinct_experts;
}

SimulatedNode::Requests SimulatedNode::EndStep(MonotonicTime now) {
  Requests done;
  Requests going_on;
  for (std::unique_ptr<LiveRequest>& request : batch_) {
    if (++request->generated == 1) request->first_token = now;
    if (request->generated < request->output_tokens) {
      going_on.push_back(std::move(request));
      continue;
    }
    finished_.push_back(request->id);
    done.push_back(std::move(request));
  }
  batch_ = std::move(going_on);
  return done;
}

NodeReport SimulatedNode::TakeReport() {
  reported_steps_.clear();
  for (const auto& [max_batch, bucket] : buckets_) {
    const auto steps = static_cast<double>(bucket.steps);
    StepStats stats;
    stats.max_batch = max_batch;
    stats.steps = bucket.steps;
    stats.total_duration = bucket.duration;
    stats.mean_batch = bucket.batch / steps;
    stats.mean_context_tokens = bucket.context_tokens / steps;
    stats.mean_distinct_experts = bucket.distinct_experts / steps;
    reported_steps_.push_back(stats);
  }
  buckets_.clear();

  reported_finished_ = std::move(finished_);
  finished_.clear();
  finished_ids_.clear();
  for (const std::string& id : reported_finished_) finished_ids_.push_back(&id);
  running_ids_.clear();
  for (const Requests* requests : {&batch_, &joining_, &expected_}) {
    for (const std::unique_ptr<LiveRequest>& request : *requests) {
      running_ids_.push_back(&request->id);
    }
  }

  NodeReport report;
  report.node_id = id_;
  report.running = static_cast<std::uint32_t>(batch_.size());
  report.queued = static_cast<std::uint32_t>(joining_.size() + expected_.size());
  report.steps = reported_steps_;
  report.running_request_ids = running_ids_;
  report.finished_request_ids = finished_ids_;
  return report;
}

}  // namespace eldr::replay

#include "tools/replay/simulation.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace eldr::replay {

Simulation::Simulation(const Trace& trace, const ReplayOptions& options, ArrivalSource& arrivals,
                       PlacementBackend& backend)
    : trace_(trace),
      options_(options),
      arrivals_(arrivals),
      backend_(backend),
      step_union_(trace.rows),
      measurements_(options.warmup, options.duration, options.time_limit, trace.requests.size()) {}

absl::StatusOr<ReplayResult> Simulation::Run(OnProgress on_progress) {
  ELDR_RETURN_IF_ERROR(Start());
  while (!Done()) {
    const Event event = events_.top();
    events_.pop();
    now_ = event.time;
    ELDR_RETURN_IF_ERROR(Handle(event, on_progress));
  }
  // So that whoever looks at the backend now sees the nodes as the replay left them.
  for (SimulatedNode& node : nodes_) {
    if (node.gone()) continue;
    ELDR_RETURN_IF_ERROR(backend_.Heartbeat(now_, node.TakeReport()));
  }
  ELDR_RETURN_IF_ERROR(on_progress(Progress()));
  return measurements_.Result(trace_.geometry.layers, now_);
}

bool Simulation::Done() const {
  return next_arrival_.time >= options_.duration &&
         measurements_.measured() == measurements_.measured_finished();
}

ReplayProgress Simulation::Progress() const {
  return {now_, measurements_.arrivals(), measurements_.measured(),
          measurements_.measured_finished()};
}

void Simulation::Plan(MonotonicTime time, EventKind kind, std::size_t index) {
  events_.push({time, next_order_++, kind, index});
}

absl::Status Simulation::Start() {
  for (std::size_t i = 0; i < options_.nodes; ++i) {
    const NodeShape shape = i < options_.node_shapes.size()
                                ? options_.node_shapes[i]
                                : NodeShape{1, options_.capacity, options_.kv_capacity};
    // Heartbeats are spread over the interval, as those of machines that started at different
    // moments.
    const double share = static_cast<double>(i + 1) / static_cast<double>(options_.nodes);
    ELDR_RETURN_IF_ERROR(
        AddNode(absl::StrCat(options_.node_prefix, i), shape, options_.heartbeat_interval * share));
  }
  for (std::size_t i = 0; i < options_.events.size(); ++i) {
    Plan(options_.events[i].time, EventKind::kFleet, i);
  }
  Plan(options_.heartbeat_interval, EventKind::kProgress);
  next_arrival_ = arrivals_.Next();
  Plan(next_arrival_.time, EventKind::kArrival);
  return absl::OkStatus();
}

absl::Status Simulation::Handle(const Event& event, OnProgress on_progress) {
  switch (event.kind) {
    case EventKind::kArrival:
      return OnArrival();
    case EventKind::kStepEnd:
      return OnStepEnd(event.index);
    case EventKind::kHeartbeat:
      return OnHeartbeat(event.index);
    case EventKind::kReportDelivery:
      return OnReportDelivery();
    case EventKind::kTransferEnd:
      nodes_[event.index].JoinExpected(now_);
      return nodes_[event.index].in_step() ? absl::OkStatus() : BeginStep(event.index);
    case EventKind::kLateSignature:
      return OnLateSignature();
    case EventKind::kFleet:
      return OnFleetEvent(options_.events[event.index]);
    case EventKind::kProgress:
      Plan(now_ + options_.heartbeat_interval, EventKind::kProgress);
      return on_progress(Progress());
  }
  return absl::OkStatus();
}

absl::Status Simulation::OnArrival() {
  const Arrival arrival = std::exchange(next_arrival_, arrivals_.Next());
  Plan(next_arrival_.time, EventKind::kArrival);
  auto request = std::make_unique<LiveRequest>();
  request->trace_index = arrival.trace_request;
  request->trace = &trace_.requests[request->trace_index];
  request->id = absl::StrCat(request->trace->id, ".", measurements_.arrivals());
  request->output_tokens = arrival.output_tokens;
  request->first_decode_row = arrival.first_decode_row;
  request->prompt_tokens =
      arrival.prompt_tokens != 0 ? arrival.prompt_tokens : request->trace->signature_rows;
  request->arrival = now_;
  request->signature = arrival.signature;
  measurements_.OnArrival(*request, nodes_);

  if (arrival.signature == SignatureFate::kInTime) {
    ELDR_RETURN_IF_ERROR(PushSignature(request->id, arrival));
  } else if (arrival.signature == SignatureFate::kLate) {
    late_signatures_.push_back({request->id, arrival});
    live_without_signature_.insert(request->id);
    Plan(now_ + options_.late_signature_delay, EventKind::kLateSignature);
  }
  const LiveRequest* arrived = request.get();
  waiting_.push_back(std::move(request));
  ELDR_RETURN_IF_ERROR(PlaceWaiting());
  if (!waiting_.empty() && waiting_.back().get() == arrived && arrived->measured) {
    measurements_.OnWait();
  }
  return absl::OkStatus();
}

absl::Status Simulation::OnLateSignature() {
  const LateSignature late = std::move(late_signatures_.front());
  late_signatures_.pop_front();
  if (live_without_signature_.erase(late.request_id) == 0) return absl::OkStatus();
  return PushSignature(late.request_id, late.arrival);
}

absl::Status Simulation::PushSignature(absl::string_view request_id, const Arrival& arrival) {
  const TraceRequest& request = trace_.requests[arrival.trace_request];
  if (options_.signatures == SignatureSource::kPrefill) {
    return backend_.PushSignature(now_, request_id, trace_.Signature(request));
  }
  const std::string counts =
      trace_.DecodeCounts(request, arrival.first_decode_row, arrival.output_tokens);
  SignatureData data;
  data.tokens = arrival.output_tokens;
  data.counts = SignatureData::Dense{CountWidth::k32, counts};
  return backend_.PushSignature(now_, request_id, data);
}

// Places those who wait, in arrival order, until one cannot be.
absl::Status Simulation::PlaceWaiting() {
  while (!waiting_.empty()) {
    ELDR_ASSIGN_OR_RETURN(const std::size_t index, Place(*waiting_.front()));
    if (index == nodes_.size()) return absl::OkStatus();
    std::unique_ptr<LiveRequest> request = std::move(waiting_.front());
    waiting_.pop_front();
    if (options_.transfer_delay > absl::ZeroDuration()) {
      request->joins = now_ + options_.transfer_delay;
      nodes_[index].Expect(std::move(request));
      Plan(now_ + options_.transfer_delay, EventKind::kTransferEnd, index);
      continue;
    }
    nodes_[index].Join(std::move(request));
    if (!nodes_[index].in_step()) ELDR_RETURN_IF_ERROR(BeginStep(index));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::size_t> Simulation::Place(LiveRequest& request) {
  while (true) {
    std::vector<const std::string*> failed;
    for (const std::string& id : request.failed_nodes) failed.push_back(&id);
    PlaceQuery query;
    query.request_id = request.id;
    query.context_tokens = request.ContextTokens();
    query.max_output_tokens = request.output_tokens - request.generated;
    query.domain = request.trace->domain;
    query.exclude_nodes = failed;
    ELDR_ASSIGN_OR_RETURN(const std::optional<std::string> placed, backend_.Place(now_, query));
    if (!placed.has_value()) return nodes_.size();
    const auto found = node_index_.find(*placed);
    if (found == node_index_.end()) {
      return absl::InternalError(absl::StrCat("request \"", request.id, "\" was placed on node \"",
                                              *placed, "\", which this replay does not have"));
    }
    if (!nodes_[found->second].gone()) return found->second;
    // Nobody answers there; the frontend asks for another at once.
    if (absl::c_linear_search(request.failed_nodes, *placed)) {
      return absl::InternalError(absl::StrCat("request \"", request.id, "\" was placed on node \"",
                                              *placed, "\", which it excludes"));
    }
    request.failed_nodes.push_back(*placed);
  }
}

Step Simulation::StepOf(const SimulatedNode& node) {
  Step step;
  step.batch = static_cast<std::uint32_t>(node.batch().size());
  batch_rows_.clear();
  for (const std::unique_ptr<LiveRequest>& request : node.batch()) {
    batch_rows_.push_back(request->NextRow());
    step.context_tokens += request->ContextTokens();
  }
  step.distinct_experts = step_union_.Count(batch_rows_);
  step.duration = StepDuration(options_.step_time, trace_.geometry.cells(), step.distinct_experts,
                               step.batch, step.context_tokens);
  step.bucket = std::bit_ceil(step.batch);
  const auto bucket = std::find_if(
      options_.bucket_offsets.begin(), options_.bucket_offsets.end(),
      [&](const BucketOffset& candidate) { return step.batch <= candidate.max_batch; });
  if (bucket != options_.bucket_offsets.end()) {
    step.bucket = bucket->max_batch;
    step.duration += bucket->offset;
  }
  step.duration /= node.speed();
  return step;
}

absl::Status Simulation::BeginStep(std::size_t index) {
  SimulatedNode& node = nodes_[index];
  if (!node.BeginStep()) return RemoveIfLeft(node);
  const Step step = StepOf(node);
  if (step.duration <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("step_time: expected steps that take time");
  }
  node.RecordStep(step);
  measurements_.OnStep(now_, step, node);
  Plan(now_ + step.duration, EventKind::kStepEnd, index);
  return absl::OkStatus();
}

absl::Status Simulation::OnStepEnd(std::size_t index) {
  if (nodes_[index].gone()) return absl::OkStatus();
  const SimulatedNode::Requests done = nodes_[index].EndStep(now_);
  for (const std::unique_ptr<LiveRequest>& request : done) {
    measurements_.OnFinished(*request, now_);
    live_without_signature_.erase(request->id);
    ELDR_RETURN_IF_ERROR(backend_.Release(now_, request->id, request->output_tokens));
  }
  if (!done.empty()) ELDR_RETURN_IF_ERROR(PlaceWaiting());
  return BeginStep(index);
}

}  // namespace eldr::replay

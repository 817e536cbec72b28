// A simulated decode node: its batch, who waits to join it, and what its next heartbeat will say.
#ifndef ELDR_TOOLS_REPLAY_SIMULATED_NODE_H_
#define ELDR_TOOLS_REPLAY_SIMULATED_NODE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/fleet/decode_node.h"
#include "tools/replay/trace.h"
#include "tools/replay/workload.h"

namespace eldr::replay {

// A request from its arrival to its last token.
struct LiveRequest {
  std::string id;
  const TraceRequest* trace = nullptr;
  std::size_t trace_index = 0;
  std::uint32_t output_tokens = 0;
  std::uint32_t first_decode_row = 0;
  std::uint32_t generated = 0;
  bool measured = false;
  MonotonicTime arrival;
  MonotonicTime joins;  // when its KV is there
  MonotonicTime first_token;
  std::uint64_t prompt_tokens = 0;
  SignatureFate signature = SignatureFate::kInTime;
  std::vector<std::string> failed_nodes;  // where it was sent in vain

  // The row of its next token; starts again at its first decode row when the rows run out.
  std::size_t NextRow() const {
    return trace->first_decode_row() +
           (std::size_t{first_decode_row} + generated) % trace->decode_rows;
  }
  std::uint64_t ContextTokens() const { return prompt_tokens + generated; }
};

// What a decode step was.
struct Step {
  std::uint32_t batch = 0;
  std::uint32_t distinct_experts = 0;  // summed over layers
  std::uint64_t context_tokens = 0;
  std::uint32_t bucket = 0;  // the largest batch of those that it is reported with
  absl::Duration duration;
};

class SimulatedNode {
 public:
  using Requests = std::vector<std::unique_ptr<LiveRequest>>;

  explicit SimulatedNode(std::string id, double speed = 1) : id_(std::move(id)), speed_(speed) {}

  const std::string& id() const { return id_; }
  double speed() const { return speed_; }
  void set_speed(double speed) { speed_ = speed; }
  bool in_step() const { return in_step_; }
  std::size_t load() const { return batch_.size() + joining_.size() + expected_.size(); }

  enum class State : std::uint8_t { kServing, kDraining, kLeaving, kGone };
  State state() const { return state_; }
  void set_state(State state) { state_ = state; }
  bool serving() const { return state_ == State::kServing; }
  bool gone() const { return state_ == State::kGone; }

  // The node stops; its requests, in the order in which they came.
  Requests Crash();
  const Requests& batch() const { return batch_; }

  // The request joins at the next step boundary.
  void Join(std::unique_ptr<LiveRequest> request) { joining_.push_back(std::move(request)); }
  // The request is here, but its KV is not before request->joins; that must not be earlier than
  // for the one before.
  void Expect(std::unique_ptr<LiveRequest> request) { expected_.push_back(std::move(request)); }
  // Whose KV has come, joins.
  void JoinExpected(MonotonicTime now);

  // A step boundary: those who wait join. False, and no step begins, if the batch is empty.
  bool BeginStep();
  // Notes what the step that began is, for the next heartbeat.
  void RecordStep(const Step& step);
  // Every request of the batch has one more token. Answers those who have all theirs, in the order
  // in which they joined. The node stays in the step until the next BeginStep, so that nobody who
  // is placed meanwhile starts another.
  Requests EndStep(MonotonicTime now);

  // What is to be reported now; counts since the last report start again at zero. Borrows from this
  // node and lives until its next call.
  NodeReport TakeReport();

 private:
  struct Bucket {
    std::uint64_t steps = 0;
    absl::Duration duration;
    double batch = 0;
    double context_tokens = 0;
    double distinct_experts = 0;
  };

  std::string id_;
  double speed_;
  State state_ = State::kServing;
  bool in_step_ = false;
  Requests batch_;
  Requests joining_;
  Requests expected_;

  // Since the last report; buckets by their largest batch size, a power of two.
  std::map<std::uint32_t, Bucket> buckets_;
  std::vector<std::string> finished_;

  // What the last report borrows.
  std::vector<StepStats> reported_steps_;
  std::vector<std::string> reported_finished_;
  std::vector<const std::string*> finished_ids_;
  std::vector<const std::string*> running_ids_;
};

}  // namespace eldr::replay

#endif  // ELDR_TOOLS_REPLAY_SIMULATED_NODE_H_

#include "eldr/client/node_reporter.h"

#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "client/src/heartbeat_line.h"
#include "client/src/node_reports.h"
#include "client/src/retry.h"
#include "eldr/client/client.h"

namespace eldr::client {
namespace {

using internal::NodeAct;
using internal::NodeReports;

bool SameCode(const absl::Status& one, const absl::Status& other) {
  return one.code() == other.code();
}

bool Changed(const NodeStatus& before, const NodeStatus& after) {
  return before.registered != after.registered || before.state != after.state ||
         before.draining != after.draining || before.superseded != after.superseded ||
         !SameCode(before.error, after.error) || !SameCode(before.load_error, after.load_error);
}

}  // namespace

struct NodeReporter::State {
  State(Client& the_client, v1::NodeSpec spec, LoadSource source, NodeReporterOptions the_options)
      : client(the_client),
        load(std::move(source)),
        options(std::move(the_options)),
        now(options.now ? options.now : internal::RealRetryEnvironment().now),
        reports(std::move(spec)) {}

  absl::Duration Step() ABSL_LOCKS_EXCLUDED(rounds, mutex);
  void Perform(NodeAct act) ABSL_EXCLUSIVE_LOCKS_REQUIRED(rounds) ABSL_LOCKS_EXCLUDED(mutex);
  void Beat() ABSL_EXCLUSIVE_LOCKS_REQUIRED(rounds) ABSL_LOCKS_EXCLUDED(mutex);
  absl::StatusOr<v1::HeartbeatResponse> Send(const v1::HeartbeatRequest& request,
                                             absl::Duration patience)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(rounds);
  // Hands the answer to the rules.
  template <typename Response, typename Take>
  void Settle(NodeAct act, const absl::StatusOr<Response>& response, Take take)
      ABSL_LOCKS_EXCLUDED(mutex) {
    absl::MutexLock lock(&mutex);
    if (response.ok()) {
      take(*response);
    } else {
      reports.Failed(act, response.status(), now());
    }
  }
  void Run() ABSL_LOCKS_EXCLUDED(rounds, mutex);
  void EndThread() ABSL_LOCKS_EXCLUDED(rounds, mutex);
  bool Woken() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) { return woken || stop; }
  bool EmptyOrStopped() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return reports.status().empty || stop;
  }

  Client& client;
  const LoadSource load;
  const NodeReporterOptions options;
  const std::function<absl::Duration()> now;

  absl::Mutex rounds ABSL_ACQUIRED_BEFORE(mutex);  // one at a time
  std::unique_ptr<internal::HeartbeatLine> line ABSL_GUARDED_BY(rounds);

  absl::Mutex mutex;  // never held during a call
  NodeReports reports ABSL_GUARDED_BY(mutex);
  bool woken ABSL_GUARDED_BY(mutex) = false;
  bool stop ABSL_GUARDED_BY(mutex) = false;
  bool over = false;  // Leave() or Stop() was called
  std::thread thread;
};

absl::Duration NodeReporter::State::Step() {
  absl::MutexLock one_round(&rounds);
  NodeAct act = NodeAct::kNone;
  NodeStatus before;
  {
    absl::MutexLock lock(&mutex);
    if (stop) return absl::InfiniteDuration();
    act = reports.Next(now());
    if (act == NodeAct::kNone) return reports.DueIn(now());
    before = reports.status();
  }
  Perform(act);
  NodeStatus after;
  absl::Duration wait;
  {
    absl::MutexLock lock(&mutex);
    after = reports.status();
    wait = reports.DueIn(now());
  }
  if (options.on_change && Changed(before, after)) options.on_change(after);
  return wait;
}

void NodeReporter::State::Perform(NodeAct act) {
  v1::NodeSpec spec;
  {
    absl::MutexLock lock(&mutex);
    spec = reports.spec();
  }
  switch (act) {
    case NodeAct::kNone:
      return;
    case NodeAct::kBeat:
      return Beat();
    case NodeAct::kRegister: {
      v1::RegisterNodeRequest request;
      *request.mutable_node() = std::move(spec);
      return Settle(act, client.RegisterNode(request), [this](const auto& response) {
        mutex.AssertHeld();
        reports.Registered(response, now());
      });
    }
    case NodeAct::kDrain: {
      v1::DrainNodeRequest request;
      request.set_node_id(spec.node_id());
      return Settle(act, client.DrainNode(request), [this](const auto& response) {
        mutex.AssertHeld();
        reports.Drained(response);
      });
    }
    case NodeAct::kUndrain: {
      v1::UndrainNodeRequest request;
      request.set_node_id(spec.node_id());
      return Settle(act, client.UndrainNode(request), [this](const auto& response) {
        mutex.AssertHeld();
        reports.Undrained(response);
      });
    }
  }
}

void NodeReporter::State::Beat() {
  absl::StatusOr<NodeLoad> told = load();
  v1::HeartbeatRequest request;
  absl::Duration patience;
  {
    absl::MutexLock lock(&mutex);
    if (!told.ok()) return reports.LoadUnknown(told.status(), now());
    request = reports.Beat(*std::move(told));
    patience = reports.patience();
  }
  Settle(NodeAct::kBeat, Send(request, patience), [this, &request](const auto& response) {
    mutex.AssertHeld();
    reports.Taken(request, response, now());
  });
}

absl::StatusOr<v1::HeartbeatResponse> NodeReporter::State::Send(const v1::HeartbeatRequest& request,
                                                                absl::Duration patience) {
  if (!options.stream) return client.Heartbeat(request, {.timeout = patience});
  if (line == nullptr) line = std::make_unique<internal::HeartbeatLine>(client);
  return line->Exchange(request, patience);
}

void NodeReporter::State::Run() {
  for (;;) {
    const absl::Duration wait = Step();
    absl::MutexLock lock(&mutex);
    mutex.AwaitWithTimeout(absl::Condition(this, &State::Woken), wait);
    woken = false;
    if (stop) return;
  }
}

void NodeReporter::State::EndThread() {
  {
    absl::MutexLock lock(&mutex);
    stop = true;
  }
  if (thread.joinable()) thread.join();
  absl::MutexLock lock(&rounds);
  line.reset();
}

absl::StatusOr<std::unique_ptr<NodeReporter>> NodeReporter::Create(Client& client,
                                                                   v1::NodeSpec spec,
                                                                   LoadSource load,
                                                                   NodeReporterOptions options) {
  if (absl::Status status = NodeReports::Check(spec); !status.ok()) return status;
  return std::unique_ptr<NodeReporter>(new NodeReporter(
      std::make_unique<State>(client, std::move(spec), std::move(load), std::move(options))));
}

NodeReporter::NodeReporter(std::unique_ptr<State> state) : state_(std::move(state)) {}

NodeReporter::~NodeReporter() {
  if (!state_->over) Leave().IgnoreError();
}

absl::Duration NodeReporter::Step() { return state_->Step(); }

void NodeReporter::Start() {
  if (state_->thread.joinable()) return;
  state_->thread = std::thread([state = state_.get()] { state->Run(); });
}

void NodeReporter::Drain() {
  absl::MutexLock lock(&state_->mutex);
  state_->reports.Drain();
  state_->woken = true;
}

void NodeReporter::Undrain() {
  absl::MutexLock lock(&state_->mutex);
  state_->reports.Undrain();
  state_->woken = true;
}

bool NodeReporter::WaitUntilEmpty(absl::Duration timeout) {
  absl::MutexLock lock(&state_->mutex);
  state_->mutex.AwaitWithTimeout(absl::Condition(state_.get(), &State::EmptyOrStopped), timeout);
  return state_->reports.status().empty;
}

absl::Status NodeReporter::Leave() {
  Stop();
  v1::RemoveNodeRequest request;
  {
    absl::MutexLock lock(&state_->mutex);
    const NodeStatus& status = state_->reports.status();
    if (!status.registered || status.superseded) return absl::OkStatus();
    request.set_node_id(state_->reports.spec().node_id());
  }
  absl::Status status = state_->client.RemoveNode(request).status();
  absl::MutexLock lock(&state_->mutex);
  if (status.ok()) state_->reports.Left();
  return status;
}

void NodeReporter::Stop() {
  state_->over = true;
  state_->EndThread();
}

NodeStatus NodeReporter::status() const {
  absl::MutexLock lock(&state_->mutex);
  return state_->reports.status();
}

}  // namespace eldr::client

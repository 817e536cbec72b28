#include "tools/loadgen/own_fleet.h"

#include <algorithm>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace eldr::loadgen {
namespace {

constexpr std::uint64_t kChurnStream = 0x636875726e;
// Well below a third of the daemon's default node_timeout.
constexpr absl::Duration kBeatInterval = absl::Seconds(1);
// Heartbeats that are due soon after each other go together.
constexpr absl::Duration kLeastWait = absl::Milliseconds(20);

}  // namespace

absl::StatusOr<std::unique_ptr<OwnFleet>> OwnFleet::Join(const LoadOptions& options,
                                                         const std::string& run,
                                                         client::Client& client) {
  auto fleet = absl::WrapUnique(new OwnFleet(options, run, client));
  for (Node& node : fleet->nodes_) ELDR_RETURN_IF_ERROR(fleet->Enter(node));
  fleet->thread_ = std::thread([self = fleet.get()] { self->Loop(); });
  return fleet;
}

OwnFleet::OwnFleet(const LoadOptions& options, const std::string& run, client::Client& client)
    : client_(client),
      churn_(options.churn.value_or(absl::InfiniteDuration())),
      choices_(options.seed, kChurnStream),
      nodes_(options.nodes),
      next_churn_(RealClock().Monotonic() + churn_) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    v1::NodeSpec& spec = nodes_[i].spec;
    spec.set_node_id(absl::StrCat(run, "-node-", i));
    spec.set_model(options.model);
    spec.set_address(absl::StrCat(run, "-node-", i, ":8000"));
    spec.set_capacity(options.node_capacity);
    spec.mutable_heartbeat_interval()->set_seconds(absl::ToInt64Seconds(kBeatInterval));
  }
}

OwnFleet::~OwnFleet() { Leave().IgnoreError(); }

absl::Status OwnFleet::Leave() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_one();
  if (thread_.joinable()) thread_.join();
  absl::Status first;
  for (Node& node : nodes_) {
    if (node.reporter != nullptr) first.Update(node.reporter->Leave());
  }
  return first;
}

OwnFleet::Counts OwnFleet::counts() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return counts_;
}

void OwnFleet::Loop() {
  while (true) {
    const absl::Duration wait = Step();
    std::unique_lock<std::mutex> lock(mutex_);
    if (stop_.wait_for(lock, absl::ToChronoNanoseconds(wait), [this] { return stopping_; })) return;
  }
}

absl::Duration OwnFleet::Step() {
  MonotonicTime next = next_churn_;
  for (Node& node : nodes_) {
    if (node.reporter == nullptr) continue;
    if (node.due <= RealClock().Monotonic()) {
      const absl::Status status = Act(node);
      // As a node does: the daemon restarted without its state, and hears of it anew.
      if (!absl::IsNotFound(status)) Count(status);
    }
    next = std::min(next, node.due);
  }
  if (RealClock().Monotonic() >= next_churn_) Churn();
  return std::max(next - RealClock().Monotonic(), kLeastWait);
}

void OwnFleet::Churn() {
  next_churn_ += churn_ / 2;
  if (absent_ != nullptr) {
    const absl::Status status = Enter(*absent_);
    if (status.ok()) absent_ = nullptr;
    Count(status);
    return;
  }
  Node& leaving = nodes_[choices_.Below(nodes_.size())];
  const absl::Status status = leaving.reporter->Leave();
  Count(status);
  leaving.reporter = nullptr;
  absent_ = &leaving;
  std::lock_guard<std::mutex> lock(mutex_);
  ++counts_.departures;
}

absl::Status OwnFleet::Enter(Node& node) {
  node.spec.set_incarnation(static_cast<std::uint64_t>(absl::ToUnixMillis(RealClock().Wall())));
  ELDR_ASSIGN_OR_RETURN(node.reporter,
                        client::NodeReporter::Create(
                            client_, node.spec,
                            []() -> absl::StatusOr<client::NodeLoad> { return client::NodeLoad(); },
                            {.stream = false}));
  ELDR_RETURN_IF_ERROR(Act(node));  // registers
  return Act(node);                 // it takes placements from its first heartbeat on
}

absl::Status OwnFleet::Act(Node& node) {
  node.due = RealClock().Monotonic() + node.reporter->Step();
  return node.reporter->status().error;
}

void OwnFleet::Count(const absl::Status& status) {
  if (status.ok()) return;
  std::lock_guard<std::mutex> lock(mutex_);
  ++counts_.failed_calls;
  if (counts_.first_error.empty()) counts_.first_error = std::string(status.message());
}

}  // namespace eldr::loadgen

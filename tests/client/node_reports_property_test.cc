// What no order of faults may do to a node's reports.
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/src/node_reports.h"

namespace eldr::client::internal {
namespace {

// Against a daemon that forgets, breaks, and takes heartbeats whose answers are lost.
class FaultyDaemon {
 public:
  FaultyDaemon(NodeReports& reports, std::mt19937& chance) : reports_(reports), chance_(chance) {}

  // Answers the act that is due, or lets the time pass until one is. `calm`: without faults.
  void Round(NodeLoad& load, bool calm) {
    switch (reports_.Next(now_)) {
      case NodeAct::kRegister:
        if (!calm && Happens(0.3))
          return reports_.Failed(NodeAct::kRegister, absl::UnavailableError("away"), now_);
        known_ = true;
        return reports_.Registered({}, now_);
      case NodeAct::kBeat:
        return TakeBeat(load, calm);
      default:
        now_ += reports_.DueIn(now_);
    }
  }
  std::set<std::string> finished;
  uint64_t steps = 0;

 private:
  bool Happens(double share) { return std::uniform_real_distribution<>()(chance_) < share; }

  void TakeBeat(NodeLoad& load, bool calm) {
    const v1::HeartbeatRequest request = reports_.Beat(std::exchange(load, {}));
    if (!calm && Happens(0.2)) known_ = false;
    if (!known_)
      return reports_.Failed(NodeAct::kBeat, absl::NotFoundError("not registered"), now_);
    const bool taken = calm || Happens(0.7);
    if (taken) {
      finished.insert(request.finished_request_ids().begin(), request.finished_request_ids().end());
      for (const v1::StepStats& stats : request.steps()) steps += stats.steps();
    }
    if (taken && (calm || Happens(0.8))) return reports_.Taken(request, {}, now_);
    reports_.Failed(NodeAct::kBeat, absl::UnavailableError("away"), now_);
  }

  NodeReports& reports_;
  std::mt19937& chance_;
  bool known_ = false;
  absl::Duration now_;
};

TEST(NodeReportsPropertyTest, WhateverHappensNothingFinishedIsLostAndNoStepIsCountedTwice) {
  const int seed = ::testing::UnitTest::GetInstance()->random_seed();
  SCOPED_TRACE(::testing::Message() << "rerun with --gtest_random_seed=" << seed);
  std::mt19937 chance(static_cast<unsigned>(seed));
  v1::NodeSpec spec;
  spec.set_node_id("d0");
  spec.set_incarnation(5);
  spec.mutable_heartbeat_interval()->set_seconds(1);
  for (int run = 0; run < 300; ++run) {
    NodeReports reports(spec);
    FaultyDaemon daemon(reports, chance);
    std::set<std::string> finished;
    uint64_t made = 0;
    NodeLoad load;
    for (int round = 0; round < 100; ++round) {
      if (round < 60 && chance() % 2 == 0) {
        load.finished_request_ids.push_back(absl::StrCat("r", round));
        finished.insert(load.finished_request_ids.back());
        const uint64_t steps = 1 + chance() % 4;
        v1::StepStats& stats = load.steps.emplace_back();
        stats.set_max_batch(chance() % 2 == 0 ? 1 : 8);
        stats.set_steps(steps);
        stats.set_mean_batch(1);
        made += steps;
      }
      daemon.Round(load, round >= 50);
    }
    ASSERT_EQ(daemon.finished, finished) << "run " << run;
    ASSERT_LE(daemon.steps, made) << "run " << run;
  }
}

}  // namespace
}  // namespace eldr::client::internal

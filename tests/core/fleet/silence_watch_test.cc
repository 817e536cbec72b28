#include "core/fleet/silence_watch.h"

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;

constexpr absl::Duration kTimeout = absl::Seconds(10);

class SilenceWatchTest : public ::testing::Test {
 protected:
  // Ready nodes a, b, c, ... that were heard at the times given.
  void AddHeardAt(std::initializer_list<double> seconds) {
    for (const double at : seconds) {
      auto node = std::make_unique<DecodeNode>();
      node->spec.node_id = std::string(1, static_cast<char>('a' + nodes_.size()));
      node->spec.heartbeat_interval = absl::Seconds(1);
      node->state = NodeState::kReady;
      nodes_.push_back(std::move(node));
      Hear(nodes_.size() - 1, at);
    }
  }
  void Hear(std::size_t node, double seconds) {
    nodes_[node]->last_heartbeat = absl::Seconds(seconds);
    watch_.NodeHeard(absl::Seconds(seconds));
  }
  // The ids of the nodes that are lost now; they are marked as the router does.
  std::vector<std::string> CheckAt(double seconds) {
    std::vector<std::string> lost;
    for (DecodeNode* node : watch_.Check(nodes_, absl::Seconds(seconds))) {
      node->state = NodeState::kLost;
      lost.push_back(node->spec.node_id);
    }
    return lost;
  }
  bool Fresh(std::size_t node, double seconds) const {
    return watch_.ReportIsFresh(*nodes_[node], absl::Seconds(seconds));
  }

  SilenceWatch watch_{kTimeout};
  std::vector<std::unique_ptr<DecodeNode>> nodes_;
};

TEST_F(SilenceWatchTest, LosesANodeThatWasSilentForLongerThanTheTimeout) {
  AddHeardAt({0, 9, 9});
  EXPECT_THAT(CheckAt(10), ElementsAre());
  EXPECT_THAT(CheckAt(10.001), ElementsAre("a"));
  EXPECT_FALSE(watch_.stale());
}

TEST_F(SilenceWatchTest, AsksForNoCheckThatCouldFindNothing) {
  EXPECT_EQ(watch_.next_check(), absl::InfiniteDuration());
  AddHeardAt({3, 8});
  EXPECT_EQ(watch_.next_check(), absl::Seconds(13));
  Hear(0, 7);
  EXPECT_THAT(CheckAt(13), ElementsAre());
  EXPECT_EQ(watch_.next_check(), absl::Seconds(17));
}

TEST_F(SilenceWatchTest, ExactlyHalfOfTheFleetSilentIsLost) {
  AddHeardAt({0, 0, 9.5, 9.5});
  EXPECT_THAT(CheckAt(10.5), ElementsAre("a", "b"));
  EXPECT_FALSE(watch_.stale());
}

TEST_F(SilenceWatchTest, MoreThanHalfSilentAtOnceIsNotBelieved) {
  AddHeardAt({0, 0, 0, 10});
  EXPECT_TRUE(Fresh(0, 10));
  EXPECT_THAT(CheckAt(10.5), ElementsAre());
  EXPECT_TRUE(watch_.stale());
  for (std::size_t node = 0; node < 4; ++node) EXPECT_FALSE(Fresh(node, 10.5)) << node;
  Hear(3, 1000);
  EXPECT_THAT(CheckAt(1000), ElementsAre());
  EXPECT_TRUE(watch_.stale());
}

TEST_F(SilenceWatchTest, TheOnlyNodeOfAModelIsMoreThanHalfOfIt) {
  AddHeardAt({0});
  EXPECT_THAT(CheckAt(11), ElementsAre());
  EXPECT_TRUE(watch_.stale());
}

TEST_F(SilenceWatchTest, StaggeredHeartbeatsThatStopAtOnceAreSeenAsOne) {
  // Deaf since second 1: the first node is due at 10.01, the others up to a second later.
  AddHeardAt({0.0, 0.2, 0.4, 0.6, 0.8, 1.0});
  EXPECT_THAT(CheckAt(10.01), ElementsAre());
  EXPECT_TRUE(watch_.stale());
  EXPECT_THAT(CheckAt(11.5), ElementsAre());
}

TEST_F(SilenceWatchTest, NodesThatDieOneByOneAreLostOneByOne) {
  AddHeardAt({0, 20, 40, 60, 60, 60, 60});
  EXPECT_THAT(CheckAt(10.5), ElementsAre("a"));
  EXPECT_THAT(CheckAt(30.5), ElementsAre("b"));
  EXPECT_THAT(CheckAt(50.5), ElementsAre("c"));
  EXPECT_FALSE(watch_.stale());
}

TEST_F(SilenceWatchTest, ANodeThatMissesOneHeartbeatDoesNotCountAsSilent) {
  // When a and b are due, c and d are late by less than two intervals.
  AddHeardAt({0, 0, 8.5, 8.5});
  EXPECT_THAT(CheckAt(10.5), ElementsAre("a", "b"));
}

TEST_F(SilenceWatchTest, RecoversWhenHalfIsHeardAndThenCountsSilenceAnew) {
  AddHeardAt({0, 0, 0, 0});
  EXPECT_THAT(CheckAt(11), ElementsAre());
  Hear(0, 20);
  EXPECT_THAT(CheckAt(20), ElementsAre());
  EXPECT_TRUE(watch_.stale());
  Hear(1, 20.5);
  EXPECT_THAT(CheckAt(20.5), ElementsAre());
  EXPECT_FALSE(watch_.stale());
  EXPECT_TRUE(Fresh(0, 20.5));
  EXPECT_FALSE(Fresh(2, 20.5));
  Hear(0, 30);
  Hear(1, 30);
  EXPECT_THAT(CheckAt(30.5), ElementsAre());
  EXPECT_THAT(CheckAt(30.6), ElementsAre("c", "d"));
}

TEST_F(SilenceWatchTest, WatchesOnlyReadyNodesThatSendHeartbeats) {
  AddHeardAt({0, 0, 0, 9.5});
  nodes_[0]->spec.heartbeat_interval = absl::ZeroDuration();
  nodes_[1]->state = NodeState::kJoining;
  // c is silent, d is heard: exactly half.
  EXPECT_THAT(CheckAt(10.5), ElementsAre("c"));
}

TEST_F(SilenceWatchTest, AReportIsFreshForTheTimeout) {
  AddHeardAt({0});
  EXPECT_TRUE(Fresh(0, 10));
  EXPECT_FALSE(Fresh(0, 10.001));
  DecodeNode never_heard;
  EXPECT_FALSE(watch_.ReportIsFresh(never_heard, absl::Seconds(1)));
}

}  // namespace
}  // namespace eldr

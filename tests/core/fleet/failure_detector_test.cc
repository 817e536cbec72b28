#include "core/fleet/failure_detector.h"

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

class FailureDetectorTest : public ::testing::Test {
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
    detector_.NodeHeard(*nodes_[node], absl::Seconds(seconds));
  }
  // The ids of the nodes that are lost now; they are marked as the router does.
  std::vector<std::string> CheckAt(double seconds) {
    std::vector<std::string> lost;
    for (DecodeNode* node : detector_.Check(nodes_, absl::Seconds(seconds))) {
      node->state = NodeState::kLost;
      lost.push_back(node->spec.node_id);
    }
    return lost;
  }
  void HearEverySecond(std::initializer_list<std::size_t> nodes, int from, int to) {
    for (int second = from; second <= to; ++second) {
      for (const std::size_t node : nodes) Hear(node, second);
    }
  }
  bool Kept(std::size_t node, double seconds) const {
    return detector_.IsKeptByPanic(*nodes_[node], absl::Seconds(seconds));
  }
  bool Fresh(std::size_t node, double seconds) const {
    return detector_.ReportIsFresh(*nodes_[node], absl::Seconds(seconds));
  }

  FailureDetector detector_{{kTimeout, 0.5, 3 * kTimeout}};
  std::vector<std::unique_ptr<DecodeNode>> nodes_;
};

TEST_F(FailureDetectorTest, LosesANodeThatWasSilentForLongerThanTheTimeout) {
  AddHeardAt({0, 9, 9});
  EXPECT_THAT(CheckAt(10), ElementsAre());
  EXPECT_THAT(CheckAt(10.001), ElementsAre("a"));
  EXPECT_FALSE(detector_.panic());
}

TEST_F(FailureDetectorTest, AsksForNoCheckThatCouldFindNothing) {
  EXPECT_EQ(detector_.next_check(), absl::InfiniteDuration());
  AddHeardAt({3, 8});
  EXPECT_EQ(detector_.next_check(), absl::Seconds(13));
  Hear(0, 7);
  EXPECT_THAT(CheckAt(13), ElementsAre());
  EXPECT_EQ(detector_.next_check(), absl::Seconds(17));
}

TEST_F(FailureDetectorTest, ExactlyHalfOfTheFleetSilentIsLost) {
  AddHeardAt({0, 0, 9.5, 9.5});
  EXPECT_THAT(CheckAt(10.5), ElementsAre("a", "b"));
  EXPECT_FALSE(detector_.panic());
}

TEST_F(FailureDetectorTest, MostSilentAtOnceIsNotBelieved) {
  AddHeardAt({0, 0, 0, 10});
  EXPECT_THAT(CheckAt(10.5), ElementsAre());
  EXPECT_TRUE(detector_.panic());
  for (std::size_t node = 0; node < 3; ++node) {
    EXPECT_FALSE(Fresh(node, 10.5)) << node;
    EXPECT_TRUE(Kept(node, 10.5)) << node;
  }
  // What the living report is believed meanwhile.
  EXPECT_TRUE(Fresh(3, 10.5));
  EXPECT_FALSE(Kept(3, 10.5));
}

TEST_F(FailureDetectorTest, HeartbeatsOfOthersProveThatTheRouterHears) {
  AddHeardAt({0, 0, 0, 0, 0});
  // Three of five die; the others go on. There is no panic at all.
  HearEverySecond({3, 4}, 1, 10);
  EXPECT_THAT(CheckAt(10.5), ElementsAre("a", "b", "c"));
  EXPECT_FALSE(detector_.panic());
}

TEST_F(FailureDetectorTest, PanicEndsWhenSomeWereHeardForAsLongAsTheOthersWereSilent) {
  AddHeardAt({0, 0, 0, 0, 0});
  EXPECT_THAT(CheckAt(12), ElementsAre());  // deaf since the start
  EXPECT_TRUE(detector_.panic());
  HearEverySecond({3, 4}, 12, 21);
  EXPECT_THAT(CheckAt(21.5), ElementsAre());
  EXPECT_TRUE(detector_.panic());
  EXPECT_LE(detector_.next_check(), absl::Seconds(22));
  Hear(3, 22);
  EXPECT_THAT(CheckAt(22), ElementsAre("a", "b", "c"));
  EXPECT_FALSE(detector_.panic());
}

TEST_F(FailureDetectorTest, HeartbeatsWithPausesProveNothing) {
  AddHeardAt({0, 0, 0, 0, 0});
  for (int second = 6; second <= 36; second += 6) {
    Hear(4, second);
    EXPECT_THAT(CheckAt(second), ElementsAre()) << second;
  }
  EXPECT_TRUE(detector_.panic());
}

TEST_F(FailureDetectorTest, ADrainingNodeProvesThatTheRouterHearsTheOthers) {
  AddHeardAt({0, 0, 0});
  nodes_[2]->draining = true;
  HearEverySecond({2}, 1, 10);
  EXPECT_THAT(CheckAt(10.5), ElementsAre("a", "b"));
}

TEST_F(FailureDetectorTest, PanicLastsNoLongerThanItMay) {
  AddHeardAt({0, 0, 0});
  EXPECT_THAT(CheckAt(11), ElementsAre());
  EXPECT_EQ(detector_.next_check(), absl::Seconds(41));
  EXPECT_THAT(CheckAt(40.9), ElementsAre());
  EXPECT_TRUE(Kept(0, 40.9));
  EXPECT_THAT(CheckAt(41), ElementsAre("a", "b", "c"));
  EXPECT_FALSE(detector_.panic());
  EXPECT_FALSE(Kept(0, 41));
}

TEST_F(FailureDetectorTest, PanicThatLastedTooLongDoesNotBeginAgainBeforeTheRestIsLost) {
  AddHeardAt({0, 0, 0});
  EXPECT_THAT(CheckAt(11), ElementsAre());
  // The caller took only one of those that are lost.
  EXPECT_EQ(detector_.Check(nodes_, absl::Seconds(41)).size(), 3u);
  nodes_[0]->state = NodeState::kLost;
  EXPECT_THAT(CheckAt(41), ElementsAre("b", "c"));
  // A fleet that comes back may panic again.
  for (std::size_t node = 0; node < 3; ++node) {
    nodes_[node]->state = NodeState::kReady;
    Hear(node, 100);
  }
  EXPECT_THAT(CheckAt(100), ElementsAre());
  EXPECT_THAT(CheckAt(111), ElementsAre());
  EXPECT_TRUE(detector_.panic());
}

TEST_F(FailureDetectorTest, TheOnlyNodeOfAModelIsLostWhenPanicIsOver) {
  AddHeardAt({0});
  EXPECT_THAT(CheckAt(11), ElementsAre());
  EXPECT_TRUE(detector_.panic());
  EXPECT_THAT(CheckAt(41), ElementsAre("a"));
}

TEST_F(FailureDetectorTest, OneOfTwoIsLostAtOnceAndBothWhenPanicIsOver) {
  AddHeardAt({0, 9.5});
  EXPECT_THAT(CheckAt(10.5), ElementsAre("a"));
  EXPECT_THAT(CheckAt(20), ElementsAre());
  EXPECT_TRUE(detector_.panic());
  EXPECT_THAT(CheckAt(50), ElementsAre("b"));
}

TEST_F(FailureDetectorTest, AThresholdOfZeroNeverPanics) {
  detector_ = FailureDetector({kTimeout, 0, 3 * kTimeout});
  AddHeardAt({0, 0});
  EXPECT_THAT(CheckAt(10.5), ElementsAre("a", "b"));
  EXPECT_FALSE(detector_.panic());
}

TEST_F(FailureDetectorTest, AHigherThresholdPanicsSooner) {
  detector_ = FailureDetector({kTimeout, 0.8, 3 * kTimeout});
  AddHeardAt({0, 9.5, 9.5, 9.5});
  EXPECT_THAT(CheckAt(10.5), ElementsAre());
  EXPECT_TRUE(detector_.panic());
}

TEST_F(FailureDetectorTest, DrainingNodesDoNotCount) {
  AddHeardAt({0, 0, 0, 9.5, 9.5});
  nodes_[1]->draining = true;
  nodes_[2]->draining = true;
  // Three of five are silent, but only one of the three that count.
  EXPECT_THAT(CheckAt(10.5), ElementsAre("a", "b", "c"));
  EXPECT_FALSE(detector_.panic());
}

TEST_F(FailureDetectorTest, ANodeThatDrainsIsKeptByPanicAsTheOthersAre) {
  AddHeardAt({0, 0, 0});
  nodes_[0]->draining = true;
  EXPECT_THAT(CheckAt(10.5), ElementsAre());
  EXPECT_TRUE(Kept(0, 10.5));
}

TEST_F(FailureDetectorTest, StaggeredHeartbeatsThatStopAtOnceAreSeenAsOne) {
  // Deaf since second 1: the first node is due at 10.01, the others up to a second later.
  AddHeardAt({0.0, 0.2, 0.4, 0.6, 0.8, 1.0});
  EXPECT_THAT(CheckAt(10.01), ElementsAre());
  EXPECT_TRUE(detector_.panic());
  EXPECT_THAT(CheckAt(11.5), ElementsAre());
}

TEST_F(FailureDetectorTest, NodesThatDieOneByOneAreLostOneByOne) {
  AddHeardAt({0, 20, 40, 60, 60, 60, 60});
  EXPECT_THAT(CheckAt(10.5), ElementsAre("a"));
  EXPECT_THAT(CheckAt(30.5), ElementsAre("b"));
  EXPECT_THAT(CheckAt(50.5), ElementsAre("c"));
  EXPECT_FALSE(detector_.panic());
}

TEST_F(FailureDetectorTest, ANodeThatIsMerelyLateDoesNotCountAsSilent) {
  // When a and b are due, c and d were silent for less than half of the timeout.
  AddHeardAt({0, 0, 5.6, 5.6});
  EXPECT_THAT(CheckAt(10.5), ElementsAre("a", "b"));
}

TEST_F(FailureDetectorTest, RecoversWhenHalfIsHeardAndThenCountsSilenceAnew) {
  AddHeardAt({0, 0, 0, 0});
  EXPECT_THAT(CheckAt(11), ElementsAre());
  Hear(0, 20);
  EXPECT_THAT(CheckAt(20), ElementsAre());
  EXPECT_TRUE(detector_.panic());
  Hear(1, 20.5);
  EXPECT_THAT(CheckAt(20.5), ElementsAre());
  EXPECT_FALSE(detector_.panic());
  EXPECT_TRUE(Fresh(0, 20.5));
  EXPECT_FALSE(Fresh(2, 20.5));
  Hear(0, 30);
  Hear(1, 30);
  EXPECT_THAT(CheckAt(30.5), ElementsAre());
  EXPECT_THAT(CheckAt(30.6), ElementsAre("c", "d"));
}

TEST_F(FailureDetectorTest, PanicThatComesAndGoesKeepsTheDeadNoLonger) {
  AddHeardAt({0, 0, 0, -4.5});
  // Two are dead. The others are heard in turns, too seldom to prove anything: whenever the dead
  // are due one of them seems silent, and the next heartbeat ends the panic.
  std::vector<std::string> lost;
  double last = 0;
  for (int half = 1; half <= 240 && lost.empty(); ++half) {
    last = half / 2.0;
    if (half % 18 == 0) Hear(2, last);
    if (half % 18 == 9) Hear(3, last);
    if (detector_.next_check() <= absl::Seconds(last)) lost = CheckAt(last);
    if (half > 18 && half < 30) {
      EXPECT_THAT(lost, ElementsAre()) << last;
    }
  }
  EXPECT_THAT(lost, ElementsAre("a", "b"));
  EXPECT_LE(last, 51);
}

TEST_F(FailureDetectorTest, WatchesOnlyReadyNodesThatSendHeartbeats) {
  AddHeardAt({0, 0, 0, 9.5});
  nodes_[0]->spec.heartbeat_interval = absl::ZeroDuration();
  nodes_[1]->state = NodeState::kJoining;
  // c is silent, d is heard: exactly half.
  EXPECT_THAT(CheckAt(10.5), ElementsAre("c"));
}

TEST_F(FailureDetectorTest, AReportIsFreshForTheTimeout) {
  AddHeardAt({0});
  EXPECT_TRUE(Fresh(0, 10));
  EXPECT_FALSE(Fresh(0, 10.001));
  DecodeNode never_heard;
  EXPECT_FALSE(detector_.ReportIsFresh(never_heard, absl::Seconds(1)));
}

}  // namespace
}  // namespace eldr

#include "core/step_time/report_gate.h"

#include <cmath>

#include "gtest/gtest.h"

namespace eldr {
namespace {

using Verdict = ReportGate::Verdict;

const double kTenTimesLonger = std::log(10);
const double kTenTimesShorter = -std::log(10);
const double kTwiceAsShort = -std::log(2);

ReportGate Settled() {
  ReportGate gate;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(gate.Judge(0.02), Verdict::kTake);
  EXPECT_TRUE(gate.settled());
  return gate;
}

TEST(ReportGateTest, TheFirstReportsAreBelievedAtOnce) {
  ReportGate gate;
  EXPECT_EQ(gate.Judge(kTenTimesShorter), Verdict::kTake);
  EXPECT_EQ(gate.Judge(kTenTimesLonger), Verdict::kTake);
  EXPECT_FALSE(gate.settled());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(gate.Judge(0), Verdict::kTake);
  EXPECT_TRUE(gate.settled());
}

TEST(ReportGateTest, ALoneReportFarFromThePastIsRefusedEitherWay) {
  ReportGate gate = Settled();
  EXPECT_EQ(gate.Judge(kTenTimesShorter), Verdict::kRefuse);
  EXPECT_EQ(gate.Judge(0), Verdict::kTake);
  EXPECT_EQ(gate.Judge(kTenTimesLonger), Verdict::kRefuse);
  EXPECT_EQ(gate.Judge(0), Verdict::kTake);
}

TEST(ReportGateTest, AMuchShorterOneCountsLittleUntilItIsTheThirdInARow) {
  ReportGate gate = Settled();
  EXPECT_EQ(gate.Judge(kTwiceAsShort), Verdict::kTakeLittle);
  EXPECT_EQ(gate.Judge(kTwiceAsShort), Verdict::kTakeLittle);
  EXPECT_EQ(gate.Judge(kTwiceAsShort), Verdict::kTake);
  EXPECT_EQ(gate.Judge(0), Verdict::kTake);
  EXPECT_EQ(gate.Judge(kTwiceAsShort), Verdict::kTakeLittle);
  EXPECT_EQ(gate.Judge(-kTwiceAsShort), Verdict::kTake);  // longer is safe
}

TEST(ReportGateTest, EightOfSixteenThatAreLongerPutThePastInDoubt) {
  ReportGate gate = Settled();
  for (int i = 0; i < 7; ++i) EXPECT_EQ(gate.Judge(kTenTimesLonger), Verdict::kRefuse) << i;
  EXPECT_EQ(gate.Judge(kTenTimesLonger), Verdict::kStartAnew);
  // What it begins with is trusted.
  EXPECT_TRUE(gate.settled());
  EXPECT_EQ(gate.Judge(kTenTimesShorter), Verdict::kRefuse);
}

TEST(ReportGateTest, TwelveThatAreMuchLongerDoSoToo) {
  ReportGate gate = Settled();
  for (int i = 0; i < 11; ++i) EXPECT_EQ(gate.Judge(-kTwiceAsShort), Verdict::kTake) << i;
  EXPECT_EQ(gate.Judge(-kTwiceAsShort), Verdict::kStartAnew);
}

TEST(ReportGateTest, ItTakesTwelveThatAreShorter) {
  ReportGate gate = Settled();
  for (int i = 0; i < 11; ++i) EXPECT_EQ(gate.Judge(kTenTimesShorter), Verdict::kRefuse) << i;
  EXPECT_EQ(gate.Judge(kTenTimesShorter), Verdict::kStartAnew);
}

TEST(ReportGateTest, EverySecondOneThatIsShorterIsNeverBelieved) {
  ReportGate gate = Settled();
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(gate.Judge(kTenTimesShorter), Verdict::kRefuse) << i;
    ASSERT_EQ(gate.Judge(0), Verdict::kTake) << i;
  }
}

TEST(ReportGateTest, WhatIsRestoredIsTrusted) {
  ReportGate gate;
  gate.Trust();
  EXPECT_EQ(gate.Judge(kTenTimesShorter), Verdict::kRefuse);
}

}  // namespace
}  // namespace eldr

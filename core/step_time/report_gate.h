// Tells a report of step times that is wrong from a node that has changed.
#ifndef ELDR_CORE_STEP_TIME_REPORT_GATE_H_
#define ELDR_CORE_STEP_TIME_REPORT_GATE_H_

#include <cstdint>

namespace eldr {

// Judges each report by how far it is from what was learned before, and by the reports just before
// it. A lone report counts little or nothing, however wrong it is. If most of the last 16 are far
// off to the same side, then it is the past that is wrong: all is learned anew.
//
// It takes more reports to believe that a node has become faster than that it has become slower.
// Wrongly taken for slow, a node gets less to do; wrongly taken for fast, it gets everything. And
// for longer ones a smaller difference is enough to start anew, as least squares of shares forget a
// fast past much more slowly than a slow one.
//
// Not thread-safe.
class ReportGate {
 public:
  enum class Verdict : std::uint8_t {
    kTake,        // learn from it
    kTakeLittle,  // it is much shorter than expected, and the last two were not: let it count
                  // little
    kRefuse,      // it is beyond belief
    kStartAnew,   // forget what was learned, then learn from it
  };
  // Durations that are this many times as long or as short as expected are beyond belief; ln 6. The
  // terms of an honest node may be off by 4 either way while they are not told apart.
  static constexpr double kFar = 1.791759469228055;
  // Durations that are more than this many times as long or as short are much longer or much
  // shorter; ln 1.5.
  static constexpr double kMuch = 0.4054651081081644;

  // `residual` is ln(observed / expected), where nothing was learned since the last call but what
  // it told to learn.
  Verdict Judge(double residual);
  // What was learned is trusted from now on, whatever the reports were before.
  void Trust();
  // Enough reports agreed with what was learned before. Until then each is believed at once, so
  // that a new node is known soon.
  bool settled() const { return agreed_ >= kSettled; }

 private:
  static constexpr int kSettled = 3;
  // So many of the last 16 are right, and the past is wrong.
  static constexpr int kFarLonger = 8;
  static constexpr int kMuchLonger = 12;
  static constexpr int kFarShorter = 12;

  // One bit for each of the last 16 reports, the newest lowest.
  std::uint16_t far_longer_ = 0;
  std::uint16_t far_shorter_ = 0;
  std::uint16_t much_longer_ = 0;
  std::uint16_t much_shorter_ = 0;
  int agreed_ = 0;
};

}  // namespace eldr

#endif  // ELDR_CORE_STEP_TIME_REPORT_GATE_H_

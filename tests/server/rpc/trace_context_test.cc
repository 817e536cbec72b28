#include "server/rpc/trace_context.h"

#include <gtest/gtest.h>

#include <string>

namespace eldr {
namespace {

constexpr char kGood[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr char kTrace[] = "4bf92f3577b34da6a3ce929d0e0e4736";

TEST(TraceContextTest, FindsTheTraceId) {
  EXPECT_EQ(TraceIdOf(kGood), kTrace);
  EXPECT_EQ(TraceIdOf("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"), kTrace);
  // A later version, as it is and with more behind.
  EXPECT_EQ(TraceIdOf("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), kTrace);
  EXPECT_EQ(TraceIdOf("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"), kTrace);
}

TEST(TraceContextTest, TakesNothingThatIsNotToTheLetter) {
  for (const char* const bad :
       {"", "00", "00-", kTrace, "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0\n"}) {
    EXPECT_EQ(TraceIdOf(bad), "") << bad;
  }
}

// Each byte that is changed to what may not stand there makes it no trace.
TEST(TraceContextTest, LooksAtEveryByte) {
  const std::string good = kGood;
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const char wrong : {'G', 'g', ' ', '\0', '_'}) {
      std::string bad = good;
      bad[i] = wrong;
      EXPECT_EQ(TraceIdOf(bad), "") << i;
    }
    EXPECT_EQ(TraceIdOf(good.substr(0, i)), "") << i;
  }
  EXPECT_EQ(TraceIdOf("01" + good.substr(2) + "-" + std::string(300, 'x')), "");
}

}  // namespace
}  // namespace eldr

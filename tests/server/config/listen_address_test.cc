#include "server/config/listen_address.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

TEST(ListenAddressTest, ReadsAndPrintsEveryForm) {
  for (const char* const text : {"127.0.0.1:9002", "localhost:0", "[::1]:65535", "0.0.0.0:80",
                                 "[fe80::1%eth0]:1", "[::]:9002", "unix:/run/eldrd.sock"}) {
    const auto address = ParseListenAddress(text);
    ASSERT_THAT(address, IsOk()) << text;
    EXPECT_EQ(address->ToString(), text);
  }
}

TEST(ListenAddressTest, RefusesWhatIsNoAddress) {
  for (const char* const text :
       {"",           "9002",     ":9002",     "host:",         "host:65536",    "host:-1",
        "host:http",  "::1:9002", "[::1:9002", "unix:",         "host: 1",       "host:+1",
        "host:1 ",    "a b:1",    "*:1",       "http://host:1", "[127.0.0.1]:1", "[host]:1",
        "unix:/a\nb", "${HOST}:1"}) {
    EXPECT_THAT(ParseListenAddress(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("HOST:PORT")))
        << text;
  }
}

TEST(ListenAddressTest, TellsWhatOtherMachinesCanReach) {
  for (const char* const text :
       {"127.0.0.1:1", "127.9.9.9:1", "localhost:1", "[::1]:1", "unix:/run/eldrd.sock"}) {
    EXPECT_TRUE(ParseListenAddress(text)->loopback()) << text;
  }
  for (const char* const text : {"0.0.0.0:1", "128.0.0.1:1", "10.0.0.1:1", "[::]:1", "[fe80::1]:1",
                                 "example.test:1", "127.example.test:1"}) {
    EXPECT_FALSE(ParseListenAddress(text)->loopback()) << text;
  }
}

}  // namespace
}  // namespace eldr

// How keys fit together; config_security_test.cc has those of plaintext and of pairs of files.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/config/config.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

auto RefusedTogether(const std::string& start) {
  return StatusIs(absl::StatusCode::kInvalidArgument, StartsWith(start));
}

// It would let everybody do everything, and looks as if it did not.
TEST(ConsistencyTest, AnAuthThatLetsNobodyInIsRefused) {
  for (const char* const auth :
       {"{}", "{tokens: {}}", "{certificates: {}}", "{tokens: {}, certificates: {}}",
        "{tokens: {admin: []}}", "{tokens: {prefill: [], decode: [], frontend: []}}",
        "{certificates: {admin: []}}"}) {
    EXPECT_THAT(
        ParseConfig(std::string("seed: 1\nauth: ") + auth + "\n", "f"),
        RefusedTogether("f:2: auth: got no credential in any of its lists, expected a file in "
                        "auth.tokens or a name in auth.certificates"))
        << auth;
  }
  EXPECT_THAT(ParseConfig("auth: {tokens: {admin: [], read: /x}}", "f"), IsOk());
}

TEST(ConsistencyTest, WithoutAuthNoneIsPrinted) {
  EXPECT_THAT(PrintConfig(Config{}), Not(HasSubstr("auth")));
  const auto config = ParseConfig("auth: {tokens: {read: /x}}", "f");
  ASSERT_THAT(config, IsOk());
  EXPECT_TRUE(config->auth.enabled());
  EXPECT_THAT(PrintConfig(*config), HasSubstr("read: [\"/x\"]"));
  EXPECT_THAT(PrintConfig(*config), HasSubstr("admin: []"));
}

TEST(ConsistencyTest, AKeyThatHasNoEffectIsRefused) {
  EXPECT_THAT(ParseConfig("\nstate_sync: always\n", "f"),
              RefusedTogether("f:2: state_sync: got \"always\", expected state_dir with it"));
  EXPECT_THAT(ParseConfig("state_dir: ''\nstate_sync_interval: 1s\n", "f"),
              RefusedTogether("f:2: state_sync_interval: got \"1s\", expected state_dir with it"));
  EXPECT_THAT(
      ParseConfig("capture: {share: 0.5}\n", "f"),
      RefusedTogether("f:1: capture.share: got \"0.5\", expected capture.directory with it"));
  EXPECT_THAT(
      ParseConfig("event_log:\n  max_bytes: 1GiB\n", "f"),
      RefusedTogether("f:2: event_log.max_bytes: got \"1GiB\", expected event_log.directory with"));
  EXPECT_THAT(
      ParseConfig("tls: {certificate: c, key: k, client_certificates: optional}\n", "f"),
      RefusedTogether("f:1: tls.client_certificates: got \"optional\", expected tls.client_ca"));
  for (const char* const text :
       {"state_dir: /x\nstate_sync: always\nstate_sync_interval: 1s\n", "state_sync: interval\n",
        "capture: {directory: /x, share: 0.5}\n", "event_log: {directory: /x, max_bytes: 1GiB}\n",
        "capture: {share: 1}\n",
        "tls: {certificate: c, key: k, client_ca: a, client_certificates: optional}\n"}) {
    EXPECT_THAT(ParseConfig(text, "f"), IsOk()) << text;
  }
}

TEST(ConsistencyTest, AnAddressStandsOnce) {
  EXPECT_THAT(
      ParseConfig("grpc: {listen: ['127.0.0.1:1', 'unix:/x', '127.0.0.1:1']}", "f"),
      RefusedTogether("f:1: grpc.listen: got \"127.0.0.1:1\" a second time, expected it once"));
  EXPECT_THAT(ParseConfig("grpc: {listen: ['unix:/x', 'unix:/x']}", "f"),
              RefusedTogether("f:1: grpc.listen"));
  EXPECT_THAT(ParseConfig("grpc: {listen: ['127.0.0.1:0', '127.0.0.1:0']}", "f"), IsOk());
}

TEST(ConsistencyTest, AFileIsNoLargerThanAllMayBe) {
  EXPECT_THAT(ParseConfig("capture: {directory: /x, file_bytes: 300MiB}\n", "f"),
              RefusedTogether("f:1: capture.file_bytes: got \"300MiB\", expected at most 256MiB "
                              "(capture.max_bytes)"));
  EXPECT_THAT(
      ParseConfig("event_log: {directory: /x, max_bytes: 63MiB}\n", "f"),
      RefusedTogether("default: event_log.file_bytes: got \"64MiB\", expected at most 63MiB"));
  EXPECT_THAT(ParseConfig("event_log: {directory: /x, max_bytes: 64MiB}\n", "f"), IsOk());
}

}  // namespace
}  // namespace eldr

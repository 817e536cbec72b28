// The keys of discovery, which count only together.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/config/config.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

auto RefusedDiscovery(const std::string& start, const std::string& expected) {
  return StatusIs(absl::StatusCode::kInvalidArgument,
                  AllOf(StartsWith(start), HasSubstr(absl::StrCat(", expected ", expected))));
}

absl::StatusOr<Config> ParseDiscovery(const std::string& keys) {
  return ParseConfig(absl::StrCat("\ndiscovery: {", keys, "}\n"), "f");
}

constexpr char kFile[] = "model: m, file: /x";
constexpr char kSelector[] = "model: m, kubernetes: {selector: app=x";

TEST(DiscoveryKeysTest, AreOffByDefault) {
  EXPECT_FALSE(Config{}.discovery.enabled());
  EXPECT_THAT(ParseDiscovery(""), IsOk());
}

TEST(DiscoveryKeysTest, TakeWhatTheyMayBeAndPrintIt) {
  for (const std::string& keys : std::vector<std::string>{
           kFile,
           "model_label: l, file: /x",
           absl::StrCat(kFile, ", remove_after: 0"),
           absl::StrCat(kFile, ", remove_after: 1h, max_endpoints: 65536, role_label: role"),
           absl::StrCat(kFile, ", max_endpoints: 1, role_label: '', expert_group_label: g"),
           absl::StrCat(kSelector, "}"),
           absl::StrCat(kSelector, "}, file: /x"),
           absl::StrCat(kSelector, ", target_ports: [1, 65535, 2], namespace: n}"),
           absl::StrCat(kSelector, ", credentials: /c, api_server: 'https://[::1]:6443'}"),
           absl::StrCat(kSelector, ", api_server: 'https://kubernetes'}"),
           absl::StrCat(kSelector, ", api_server: 'http://127.0.0.1:8001'}"),
           absl::StrCat(kSelector, ", api_server: 'http://localhost:8001'}"),
           "model: m, kubernetes: {inference_pool: p}",
           absl::StrCat(kFile, ", scrape: {preset: sglang, interval: 100ms, timeout: 1m}"),
           absl::StrCat(kFile, ", scrape: {preset: vllm, path: /p, metrics: [running=a, b=c]}"),
       }) {
    SCOPED_TRACE(keys);
    const auto config = ParseDiscovery(keys);
    ASSERT_THAT(config, IsOk());
    EXPECT_TRUE(config->discovery.enabled());
    const std::string printed = PrintConfig(*config);
    const auto again = ParseConfig(printed, "printed");
    ASSERT_THAT(again, IsOk());
    EXPECT_EQ(PrintConfig(*again), printed);
    EXPECT_NE(PrintConfig(Config{}), printed);
  }
  const auto config = ParseDiscovery(absl::StrCat(kSelector, ", target_ports: 9000}"));
  ASSERT_THAT(config, IsOk());
  EXPECT_THAT(config->discovery.kubernetes.target_ports, ElementsAre(9000));
}

TEST(DiscoveryKeysTest, RefuseAllElse) {
  const struct {
    std::string keys;
    std::string key;
    std::string expected;
  } bad[] = {
      {"model: m", "model: got", "discovery.file or a selector or pool in discovery.kubernetes"},
      {"scrape: {preset: vllm}", "scrape.preset: got", "discovery.file or"},
      {"file: /x", "file: got", "discovery.model or discovery.model_label with it"},
      {"kubernetes: {selector: a}", "kubernetes.selector: got", "discovery.model or"},
      {"kubernetes: {inference_pool: a}", "kubernetes.inference_pool: got", "discovery.model or"},
      {absl::StrCat(kFile, ", kubernetes: {namespace: n}"), "kubernetes.namespace: got",
       "discovery.kubernetes.selector or discovery.kubernetes.inference_pool with it"},
      {absl::StrCat(kFile, ", scrape: {interval: 2s}"), "scrape.interval: got",
       "discovery.scrape.preset with it"},
      {absl::StrCat(kFile, ", scrape: {preset: tgi}"), "scrape.preset: got",
       "nothing or one of vllm, sglang, trtllm"},
      {absl::StrCat(kFile, ", max_endpoints: 65537"), "max_endpoints: got", "a whole number of 1"},
      {absl::StrCat(kFile, ", remove_after: 2h"), "remove_after: got", "a duration of 0 to 1h"},
      {absl::StrCat(kSelector, ", target_ports: []}"), "kubernetes.target_ports: got", "a port"},
      {absl::StrCat(kSelector, ", target_ports: [1, 1]}"), "kubernetes.target_ports: got",
       "1 to 8 ports of 1 to 65535, each once"},
      {absl::StrCat(kSelector, ", target_ports: [1, 2, 3, 4, 5, 6, 7, 8, 9]}"),
       "kubernetes.target_ports: got", "1 to 8 ports"},
      {absl::StrCat(kSelector, ", inference_pool: p}"), "kubernetes.selector: got", "one of the"},
      {"model: m, kubernetes: {inference_pool: p, target_ports: [1]}",
       "kubernetes.target_ports: got", "one of the two"},
  };
  for (const auto& c : bad) {
    EXPECT_THAT(ParseDiscovery(c.keys),
                RefusedDiscovery(absl::StrCat("f:2: discovery.", c.key), c.expected))
        << c.keys;
  }
}

// A token must not go over a wire that others read.
TEST(DiscoveryKeysTest, AnApiServerIsReachedOverTlsOrOnTheLoopback) {
  for (const char* const url :
       {"http://10.0.0.1", "http://kubernetes.default.svc:443", "kubernetes:443", "https://",
        "https://x/path", "https://u@x", "ftp://x", "https://x:0x1", "https://x:65536",
        "https://::1", "unix:/x", "https://x y", "http://[2001:db8::1]:1"}) {
    EXPECT_THAT(ParseDiscovery(absl::StrCat(kSelector, ", api_server: '", url, "'}")),
                RefusedDiscovery("f:2: discovery.kubernetes.api_server: got",
                                 "https://HOST[:PORT], or http:// of the loopback"))
        << url;
  }
}

}  // namespace
}  // namespace eldr

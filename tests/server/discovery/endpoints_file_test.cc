#include "server/discovery/endpoints_file.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

absl::StatusOr<EndpointsFile> Parse(absl::string_view text) {
  DiscoveryConfig config;
  config.model = "m";
  return ParseEndpointsFile(text, "f", config);
}

TEST(EndpointsFileTest, TakesWhatLlmDWrites) {
  const auto file = Parse(R"(endpoints:
- name: decode-0
  namespace: inference
  address: 10.0.0.7
  port: "8000"
  labels:
    llm-d.ai/role: decode
    zone: a
- {name: prefill-0, address: engines.example.org, port: 8001, labels: {llm-d.ai/role: prefill}}
- {name: v6, address: "2001:db8::7", port: 8002, further: key}
)");
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(file->reasons, IsEmpty());
  ASSERT_THAT(file->endpoints, SizeIs(3));
  const Endpoint& decode = file->endpoints.at("inference/decode-0").at(0);
  EXPECT_EQ(decode.node_id, "inference/decode-0");
  EXPECT_EQ(decode.address, "10.0.0.7:8000");
  EXPECT_EQ(decode.model, "m");
  EXPECT_TRUE(decode.ready);
  EXPECT_EQ(decode.roles, (EndpointRoles{.prefill = false, .decode = true}));
  const Endpoint& prefill = file->endpoints.at("prefill-0").at(0);
  EXPECT_EQ(prefill.address, "engines.example.org:8001");
  EXPECT_FALSE(prefill.roles.decode);
  EXPECT_EQ(file->endpoints.at("v6").at(0).address, "[2001:db8::7]:8002");
}

TEST(EndpointsFileTest, TakesJson) {
  const auto file = Parse(R"({"endpoints": [{"name": "a", "address": "h", "port": "1",
                                             "labels": {"x": "y"}}]})");
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(file->endpoints.at("a").at(0).address, "h:1");
  const auto none = Parse("{\"endpoints\": []}");
  ASSERT_THAT(none, IsOk());
  EXPECT_THAT(none->endpoints, IsEmpty());
}

// Among them what remains of a good file whose writer was stopped.
TEST(EndpointsFileTest, RefusesWhatIsNoSuchFile) {
  for (const char* const text :
       {"", "endpoints:", "endpoints:\n", "endpoints: {}", "[]", "x: 1", "endpoints: 7",
        "endpoints: [", "{\"endpoints\": [{\"name\"", "a: b: c",
        "endpoints: []\n---\nendpoints: []\n", "endpoints: []\nendpoints: \"\x01\""}) {
    EXPECT_THAT(Parse(text),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(StartsWith("f:"), HasSubstr("got "), HasSubstr("expected "))))
        << text;
  }
  EXPECT_THAT(Parse(std::string(kMaxEndpointsFileBytes + 1, '#')),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expected at most 1048576")));
}

TEST(EndpointsFileTest, PassesOverABadEntryAndSaysWhy) {
  const struct {
    const char* entry;
    const char* reason;
  } bad[] = {
      {"7", "entry: got \"7\", expected name, address and port"},
      {"{address: h, port: 1}", "name: got nothing, expected 1 to 120 letters"},
      {"{name: 'a b', address: h, port: 1}", "name: got \"a b\""},
      {"{name: [a], address: h, port: 1}", "name: got a list"},
      {"{name: a, namespace: a/b, address: h, port: 1}", "namespace: got \"a/b\""},
      {"{name: a, port: 1}", "address: got nothing, expected a host's name or IP address"},
      {"{name: a, address: 'unix:/x', port: 1}", "address: got \"unix:/x\""},
      {"{name: a, address: 'h:1', port: 1}", "address: got \"h:1\""},
      {"{name: a, address: '', port: 1}", "address: got \"\""},
      {"{name: a, address: h}", "port: got nothing, expected 1 to 65535"},
      {"{name: a, address: h, port: 0}", "port: got \"0\""},
      {"{name: a, address: h, port: 65536}", "port: got \"65536\""},
      {"{name: a, address: h, port: http}", "port: got \"http\""},
      {"{name: a, address: h, port: 1, labels: [x]}", "labels: got a list"},
      {"{name: a, address: h, port: 1, labels: {x: [y]}}", "labels: got one that is no text"},
      {"{name: good, address: h, port: 2}", "name: got \"good\", expected each once"},
  };
  for (const auto& c : bad) {
    const auto file =
        Parse(absl::StrCat("endpoints:\n- {name: good, address: h, port: 1}\n- ", c.entry, "\n"));
    ASSERT_THAT(file, IsOk()) << c.entry;
    EXPECT_THAT(file->endpoints, SizeIs(1)) << c.entry;
    EXPECT_EQ(file->refused, 1u);
    EXPECT_THAT(file->reasons, ElementsAre(AllOf(StartsWith("f:3: "), HasSubstr(c.reason))));
  }
}

TEST(EndpointsFileTest, BoundsWhatItSaysOfBadEntries) {
  std::string text = "endpoints:\n";
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&text, "- ", std::string(500, 'x'), "\n");
  const auto file = Parse(text);
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(file->refused, 1000u);
  ASSERT_THAT(file->reasons, SizeIs(EndpointsFile::kMostReasons));
  EXPECT_LT(file->reasons[0].size(), 200u);
}

}  // namespace
}  // namespace eldr

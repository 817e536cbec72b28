#include "server/picker/envoy_parts.h"

#include <gtest/gtest.h>

namespace eldr::picker {
namespace {

TEST(EnvoyPartsTest, CutsBodiesIntoPartsThatEnvoyTakes) {
  std::string body;
  for (std::size_t i = 0; i < 2 * kMaxChunk + 1; ++i) body += static_cast<char>('a' + i % 26);
  const auto parts = Cut(body, true);
  ASSERT_EQ(parts.size(), 3u);
  std::string joined;
  for (const auto& part : parts) {
    EXPECT_LE(part.body().size(), kMaxChunk);
    EXPECT_EQ(part.end_of_stream(), &part == &parts.back());
    joined += part.body();
  }
  EXPECT_EQ(joined, body);
  EXPECT_EQ(Cut({}, false).size(), 0u);
  ASSERT_EQ(Cut({}, true).size(), 1u);
  EXPECT_TRUE(Cut({}, true)[0].end_of_stream());
}

// The fields' numbers, as Envoy 1.40 has them, by the bytes that they make.
TEST(EnvoyPartsTest, AnswersAreEnvoysBytes) {
  ProcessingResponse response;
  SetDestination("e", &response, response.mutable_request_headers()->mutable_response());
  const std::string name(kDestination);
  const std::string option = "\x0a\x23\x0a\x1e" + name + "\x1a\x01" + "e" + "\x18\x02";
  const std::string mutation = "\x0a\x27" + option;
  const std::string common = "\x12\x29" + mutation + "\x28\x01";
  const std::string headers = "\x0a\x2d" + common;
  EXPECT_EQ(response.request_headers().SerializeAsString(), headers);
  EXPECT_EQ(response.SerializeAsString().substr(0, 2 + headers.size()), "\x0a\x2f" + headers);
  EXPECT_EQ(response.SerializeAsString()[2 + headers.size()], '\x42');  // dynamic_metadata, 8
}

TEST(EnvoyPartsTest, ReadsASubsetAsTextOrList) {
  ProcessingRequest message;
  EXPECT_FALSE(SubsetOf(message).has_value());
  auto& filters = *message.mutable_metadata_context()->mutable_filter_metadata();
  auto& hint =
      (*filters["envoy.lb.subset_hint"].mutable_fields())["x-gateway-destination-endpoint-subset"];
  hint.set_string_value("a:1, b:2,");
  EXPECT_EQ(*SubsetOf(message), (std::vector<std::string>{"a:1", "b:2"}));
  hint.mutable_list_value()->add_values()->set_string_value("c:3");
  EXPECT_EQ(*SubsetOf(message), (std::vector<std::string>{"c:3"}));
  hint.mutable_list_value()->clear_values();
  EXPECT_EQ(*SubsetOf(message), std::vector<std::string>{});
}

TEST(EnvoyPartsTest, ReadsHeadersOfBothForms) {
  envoy::service::ext_proc::v3::HttpHeaders headers;
  auto* const raw = headers.mutable_headers()->add_headers();
  raw->set_key("EPP-Profile");
  raw->set_raw_value("prefill");
  auto* const old = headers.mutable_headers()->add_headers();
  old->set_key("x-request-id");
  old->set_value("r1");
  EXPECT_EQ(HeaderOf(headers, "epp-profile"), "prefill");
  EXPECT_EQ(HeaderOf(headers, "x-request-id"), "r1");
  EXPECT_EQ(HeaderOf(headers, "other"), "");
}

}  // namespace
}  // namespace eldr::picker

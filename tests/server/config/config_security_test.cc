// Keys of credentials, and how they fit together.
#include "gmock/gmock.h"
#include "server/config/config.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

auto Refused(const std::string& start, const std::string& part) {
  return StatusIs(absl::StatusCode::kInvalidArgument, AllOf(StartsWith(start), HasSubstr(part)));
}

TEST(ConfigSecurityTest, CredentialsAreListedByRole) {
  const auto config = ParseConfig(R"(
tls: {certificate: c.pem, key: c.key, client_ca: ca.pem, client_certificates: optional}
auth:
  tokens: {frontend: [a.token, b.token], admin: /run/admin.token}
  certificates: {decode: [node.example]}
http: {token_file: h.token, tls: true}
)",
                                  "f.yaml");
  ASSERT_THAT(config, IsOk());
  const auto at = [](Role role) { return static_cast<std::size_t>(role); };
  EXPECT_THAT(config->auth.tokens[at(Role::kFrontend)], ElementsAre("a.token", "b.token"));
  EXPECT_THAT(config->auth.tokens[at(Role::kAdmin)], ElementsAre("/run/admin.token"));
  EXPECT_THAT(config->auth.certificates[at(Role::kDecode)], ElementsAre("node.example"));
  EXPECT_EQ(config->tls.client_certificates, "optional");
  const auto again = ParseConfig(PrintConfig(*config), "printed");
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(PrintConfig(*again), PrintConfig(*config));
}

TEST(ConfigSecurityTest, OtherMachinesNeedTlsOrSomeoneWhoInsists) {
  EXPECT_THAT(ParseConfig("grpc: {listen: '0.0.0.0:1'}", "f"),
              Refused("f:1: grpc.listen", "tls.certificate or grpc.insecure: true"));
  const std::string tls = "tls: {certificate: c, key: k}\n";
  EXPECT_THAT(ParseConfig(tls + "grpc: {listen: '0.0.0.0:1'}", "f"), IsOk());
  EXPECT_THAT(ParseConfig(tls + "http: {listen: '0.0.0.0:1'}", "f"),
              Refused("f:2: http.listen", "http.tls: true or http.insecure: true"));
  EXPECT_THAT(ParseConfig(tls + "http: {listen: '0.0.0.0:1', tls: true}", "f"), IsOk());
}

TEST(ConfigSecurityTest, HalfOfAPairIsRefusedWithItsOtherHalfNamed) {
  EXPECT_THAT(ParseConfig("tls: {certificate: c}", "f"),
              Refused("f:1: tls.certificate: got \"c\"", "expected tls.key"));
  EXPECT_THAT(ParseConfig("tls: {key: k}", "f"),
              Refused("f:1: tls.key: got \"k\"", "expected tls.certificate"));
  EXPECT_THAT(ParseConfig("tls: {client_ca: a}", "f"),
              Refused("f:1: tls.client_ca", "expected tls.certificate"));
  EXPECT_THAT(ParseConfig("http: {tls: true}", "f"),
              Refused("f:1: http.tls", "expected tls.certificate"));
  EXPECT_THAT(ParseConfig("auth: {certificates: {admin: [x]}}", "f"),
              Refused("f:1: auth.certificates.admin: got \"x\"", "expected tls.client_ca"));
  EXPECT_THAT(ParseConfig("auth: {tokens: {root: [x]}}", "f"),
              Refused("f:1: auth.tokens.root", "prefill, decode, frontend, admin, read"));
  EXPECT_THAT(ParseConfig("auth: {tokens: {admin: ['']}}", "f"),
              Refused("f:1: auth.tokens.admin: got \"\"", "paths of files of tokens"));
}

}  // namespace
}  // namespace eldr

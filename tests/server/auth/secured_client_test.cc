// The client library and eldrctl against a daemon with credentials.
#include <sys/stat.h>

#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/ctl/eldrctl.h"
#include "eldr/client/client.h"
#include "gmock/gmock.h"
#include "tests/server/secured_daemon.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

class SecuredClientTest : public SecuredDaemonTest {
 protected:
  void SetUp() override {
    Config config = WithTokens(WithTls(SecuredConfig()));
    ReplaceFile(dir_ / "ca.pem", authority_.certificate());
    config.tls.client_ca = dir_ / "ca.pem";
    config.tls.client_certificates = "optional";
    config.auth.certificates[static_cast<std::size_t>(Role::kAdmin)] = {"operator"};
    StartSecured(config);
    const TestCertificate certificate = authority_.Issue("operator", {});
    ReplaceFile(dir_ / "me.pem", certificate.certificate);
    ReplaceFile(dir_ / "me.key", certificate.key);
  }

  client::Options Options() const {
    client::Options options;
    options.target = grpc_target();
    options.tls.ca_file = dir_ / "ca.pem";
    return options;
  }
  // The error output of a command line, or "done".
  std::string Run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--target", grpc_target(), "--timeout", "5s"});
    std::ostringstream out, err;
    return ctl::RunEldrctl(arguments, out, err) == ctl::kExitOk ? "done" : err.str();
  }
};

TEST_F(SecuredClientTest, CallsAndStreamsCarryTheTokenAndFollowItsFile) {
  client::Options options = Options();
  options.token_file = dir_ / "mine";
  ReplaceFile(options.token_file, "# mine\n" + TokenOf(Role::kFrontend) + "\n");
  const auto client = client::Client::Create(options);
  ASSERT_THAT(client, IsOk());
  EXPECT_THAT((*client)->ListModels({}), IsOk());
  EXPECT_THAT((*client)->ListNodes({}), StatusIs(Code::kPermissionDenied));
  const auto stream = (*client)->StreamPlacements();
  EXPECT_THAT(stream->Finish(), IsOk());
  EXPECT_THAT(
      (*client)->WatchPlacements({}, [](const v1::WatchPlacementsResponse&) { return true; },
                                 {.timeout = absl::Seconds(5)}),
      StatusIs(Code::kPermissionDenied, HasSubstr("WatchPlacements")));
  EXPECT_THAT((*client)->StreamHeartbeats()->Receive().status(),
              StatusIs(Code::kPermissionDenied, HasSubstr("StreamHeartbeats")));
  ReplaceFile(options.token_file, TokenOf(Role::kRead));
  EXPECT_THAT((*client)->ListNodes({}), IsOk());
}

TEST_F(SecuredClientTest, WaitsForNoPipe) {
  const std::string pipe = dir_ / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  client::Options options = Options();
  options.token_file = pipe;
  EXPECT_THAT(client::Client::Create(options).status(),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("got a folder, pipe or device, expected a token")));
  options = Options();
  options.tls.ca_file = pipe;
  EXPECT_THAT(client::Client::Create(options).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("which is a folder, pipe or device, expected the path")));
}

TEST_F(SecuredClientTest, ANodeMayGoByTheCredentialThatItCameBy) {
  client::Options options = Options();
  options.token_file = dir_ / "token";
  ReplaceFile(options.token_file, TokenOf(Role::kAdmin));
  const auto client = client::Client::Create(options);
  ASSERT_THAT(client, IsOk());
  v1::DeclareModelRequest declare;
  declare.set_name("m");
  declare.mutable_geometry()->set_layers(2);
  declare.mutable_geometry()->set_experts(4);
  declare.mutable_geometry()->set_top_k(2);
  ASSERT_THAT((*client)->DeclareModel(declare), IsOk());

  ReplaceFile(options.token_file, TokenOf(Role::kDecode));
  v1::NodeSpec spec;
  spec.set_node_id("d0");
  spec.set_model("m");
  spec.set_address("10.0.0.1:8000");
  spec.set_incarnation(1);
  spec.mutable_heartbeat_interval()->set_seconds(1);
  const auto reporter = client::NodeReporter::Create(
      **client, spec, []() -> absl::StatusOr<client::NodeLoad> { return client::NodeLoad(); });
  ASSERT_THAT(reporter, IsOk());
  (*reporter)->Step();  // registers
  (*reporter)->Drain();
  (*reporter)->Step();
  EXPECT_TRUE((*reporter)->status().draining) << (*reporter)->status().error;
  EXPECT_THAT((*reporter)->Leave(), IsOk());
  ReplaceFile(options.token_file, TokenOf(Role::kRead));
  EXPECT_EQ((*client)->ListNodes({})->nodes_size(), 0);
}

TEST_F(SecuredClientTest, ACertificateWillDoToo) {
  client::Options options = Options();
  options.tls.certificate_file = dir_ / "me.pem";
  options.tls.key_file = dir_ / "me.key";
  const auto client = client::Client::Create(options);
  ASSERT_THAT(client, IsOk());
  EXPECT_THAT((*client)->ListNodes({}), IsOk());
}

TEST_F(SecuredClientTest, OptionsThatCannotWorkAreNamed) {
  const auto refused = [](const client::Options& options, Code code, const std::string& part) {
    EXPECT_THAT(client::Client::Create(options).status(), StatusIs(code, HasSubstr(part)));
  };
  client::Options options = Options();
  options.tls.key_file = dir_ / "me.key";
  refused(options, Code::kInvalidArgument, "Options.tls.certificate_file is \"\"");
  options.tls.certificate_file = dir_ / "nowhere";
  refused(options, Code::kInvalidArgument, "Options.tls.certificate_file is");
  options.tls.certificate_file = dir_ / "me.pem";
  options.tls.ca_file = "";
  refused(options, Code::kInvalidArgument, "Options.tls.ca_file is \"\"");
  options = Options();
  options.token_file = dir_ / "nowhere";
  refused(options, Code::kUnauthenticated, dir_ / "nowhere");
}

TEST_F(SecuredClientTest, EldrctlHasAFlagForEachAndSaysWhatIsMissing) {
  const std::string ca = dir_ / "ca.pem";
  const std::string token = TokenPath(Role::kRead);
  EXPECT_EQ(Run({"nodes", "list", "--tls-ca", ca, "--token-file", token}), "done");
  EXPECT_EQ(Run({"nodes", "list", "--tls-ca", ca, "--tls-cert", dir_ / "me.pem", "--tls-key",
                 dir_ / "me.key"}),
            "done");
  EXPECT_EQ(Run({"health", "--tls-ca", ca}), "done");
  EXPECT_THAT(Run({"nodes", "list", "--tls-ca", ca}),
              AllOf(HasSubstr("UNAUTHENTICATED"), HasSubstr("--token-file FILE")));
  EXPECT_THAT(Run({"nodes", "drain", "n", "--tls-ca", ca, "--token-file", token}),
              AllOf(HasSubstr("PERMISSION_DENIED"), HasSubstr("role read"), HasSubstr("admin")));
  EXPECT_THAT(Run({"nodes", "list"}), AllOf(HasSubstr("UNAVAILABLE"), HasSubstr("--tls-ca")));
}

TEST_F(SecuredClientTest, EldrctlTakesFilesFromItsEnvironment) {
  setenv("ELDR_TLS_CA", (dir_ / "ca.pem").c_str(), 1);
  setenv("ELDR_TOKEN_FILE", TokenPath(Role::kRead).c_str(), 1);
  EXPECT_EQ(Run({"nodes", "list"}), "done");
  unsetenv("ELDR_TLS_CA");
  unsetenv("ELDR_TOKEN_FILE");
}

}  // namespace
}  // namespace eldr

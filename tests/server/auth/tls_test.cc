// Encrypted ports of a live daemon.
#include "server/auth/tls.h"

#include <grpcpp/security/credentials.h>
#include <httplib.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "server/auth/credential_check.h"
#include "tests/server/secured_daemon.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

class TlsTest : public SecuredDaemonTest {
 protected:
  Config MutualTls() {
    Config config = WithTls(SecuredConfig());
    ReplaceFile(dir_ / "clients.pem", authority_.certificate());
    config.tls.client_ca = dir_ / "clients.pem";
    return config;
  }
  static std::vector<std::string>& CertificatesOf(Config& config, Role role) {
    return config.auth.certificates[static_cast<std::size_t>(role)];
  }
};

TEST_F(TlsTest, ServesThoseWhoTrustItsAuthorityAndNobodyInPlaintext) {
  StartSecured(WithTls(SecuredConfig()));
  EXPECT_THAT(ListModels(TlsChannel(authority_)), IsOk());
  EXPECT_THAT(ListModels(channel()), StatusIs(Code::kUnavailable)) << "plaintext";
  TestAuthority other("another authority");
  EXPECT_THAT(ListModels(TlsChannel(other)), StatusIs(Code::kUnavailable));
}

TEST_F(TlsTest, AUnixSocketStaysInPlaintext) {
  Config config = WithTls(SecuredConfig());
  config.grpc.listen.push_back(absl::StrCat("unix:", dir_ / "s"));
  StartSecured(config);
  EXPECT_THAT(ListModels(TlsChannel(authority_)), IsOk());
  EXPECT_THAT(
      ListModels(NewChannel(absl::StrCat("unix:", dir_ / "s"), grpc::InsecureChannelCredentials())),
      IsOk());
}

TEST_F(TlsTest, ClientsShowACertificateOfTheirAuthority) {
  StartSecured(MutualTls());
  EXPECT_THAT(ListModels(TlsChannel(authority_, authority_.Issue("worker", {}))), IsOk());
  EXPECT_THAT(ListModels(TlsChannel(authority_)), StatusIs(Code::kUnavailable)) << "none";
  TestAuthority other("another authority");
  EXPECT_THAT(ListModels(TlsChannel(authority_, other.Issue("worker", {}))),
              StatusIs(Code::kUnavailable));
}

TEST_F(TlsTest, TheNameInACertificateGivesItsRole) {
  Config config = MutualTls();
  CertificatesOf(config, Role::kPrefill) = {"prefill.example"};
  CertificatesOf(config, Role::kAdmin) = {"operator"};
  StartSecured(config);
  const auto drain_as = [this](const std::string& name, const std::vector<std::string>& others) {
    return Drain(TlsChannel(authority_, authority_.Issue(name, others)));
  };
  EXPECT_THAT(drain_as("operator", {}), StatusIs(Code::kNotFound)) << "the common name";
  EXPECT_THAT(drain_as("x", {"DNS:a.example", "DNS:prefill.example"}),
              StatusIs(Code::kPermissionDenied, HasSubstr("role prefill")));
  EXPECT_THAT(drain_as("operator", {"DNS:prefill.example"}), StatusIs(Code::kPermissionDenied))
      << "with alternative names the common name counts for nothing";
  EXPECT_THAT(drain_as("stranger", {}), StatusIs(Code::kUnauthenticated, HasSubstr("certificate")));
  EXPECT_THAT(StopAndReadLog(), HasSubstr("who=\"certificate operator\""));
}

TEST_F(TlsTest, ATokenStandsInForAnOptionalCertificate) {
  Config config = WithTokens(MutualTls());
  config.tls.client_certificates = "optional";
  CertificatesOf(config, Role::kAdmin) = {"operator"};
  StartSecured(config);
  const auto bare = TlsChannel(authority_);
  EXPECT_THAT(ListModels(bare), StatusIs(Code::kUnauthenticated));
  EXPECT_THAT(ListModels(bare, TokenOf(Role::kPrefill)), IsOk());
  const auto admin = TlsChannel(authority_, authority_.Issue("operator", {}));
  EXPECT_THAT(Drain(admin), StatusIs(Code::kNotFound));
  EXPECT_THAT(Drain(admin, TokenOf(Role::kPrefill)), StatusIs(Code::kNotFound))
      << "roles of both add up";
  EXPECT_THAT(Drain(admin, "some-unknown-token-here"), StatusIs(Code::kUnauthenticated))
      << "a bad token counts, whatever is beside it";
}

TEST_F(TlsTest, AReplacedCertificateServesUnderALiveDaemon) {
  StartSecured(WithTls(SecuredConfig()));
  const auto before = TlsChannel(authority_);
  ASSERT_THAT(ListModels(before), IsOk());
  TestAuthority next("next authority");
  const TestCertificate certificate = next.Issue("eldrd", {"DNS:localhost", "IP:127.0.0.1"});
  ReplaceFile(dir_ / "eldrd.key", certificate.key);
  ReplaceFile(dir_ / "eldrd.pem", certificate.certificate);
  EXPECT_TRUE(Eventually([&] { return ListModels(TlsChannel(next)).ok(); }));
  EXPECT_THAT(ListModels(TlsChannel(authority_)), StatusIs(Code::kUnavailable));
  EXPECT_THAT(ListModels(before), IsOk()) << "a connection that is open stays";
}

TEST_F(TlsTest, MetricsTellWhenTheCertificateThatServesEnds) {
  constexpr char kExpiry[] = R"(eldr_tls_certificate_expiry_timestamp_seconds{file="certificate"})";
  StartSecured(MutualTls());
  const double first = Metric(kExpiry);
  EXPECT_NEAR(first, static_cast<double>(absl::ToUnixSeconds(absl::Now()) + 86'400), 3600);
  EXPECT_GT(Metric(R"(eldr_tls_certificate_expiry_timestamp_seconds{file="client_ca"})"), 1e9);
  const TestCertificate next = authority_.Issue("eldrd", {"DNS:localhost"}, 3);
  ReplaceFile(dir_ / "eldrd.pem", next.certificate);
  ReplaceFile(dir_ / "eldrd.key", next.key);
  EXPECT_TRUE(Eventually([&] { return Metric(kExpiry) > first + 86'400; }));
  EXPECT_THAT(StopAndReadLog(), HasSubstr("credentials_reloaded file=" + (dir_ / "eldrd.pem")));
}

TEST_F(TlsTest, TheFirstCertificateOfAChainToEndCounts) {
  constexpr char kExpiry[] = R"(eldr_tls_certificate_expiry_timestamp_seconds{file="certificate"})";
  Config config = WithTls(SecuredConfig());
  const TestCertificate first = authority_.Issue("eldrd", {"DNS:localhost"}, 9);
  ReplaceFile(dir_ / "eldrd.pem",
              first.certificate + authority_.Issue("sooner", {}, 2).certificate);
  ReplaceFile(dir_ / "eldrd.key", first.key);
  StartSecured(config);
  EXPECT_NEAR(Metric(kExpiry), static_cast<double>(absl::ToUnixSeconds(absl::Now()) + 2 * 86'400),
              3600);
}

TEST_F(TlsTest, ACertificateInAChainThatIsBrokenIsRefused) {
  Config config = WithTls(SecuredConfig());
  const TestCertificate first = authority_.Issue("eldrd", {"DNS:localhost"});
  ReplaceFile(dir_ / "eldrd.key", first.key);
  std::string broken = authority_.Issue("next", {}).certificate;
  broken.replace(broken.size() / 2, 4, "!!!!");
  ReplaceFile(dir_ / "eldrd.pem", first.certificate + broken);
  EXPECT_THAT(ReadTlsFiles(config.tls),
              StatusIs(Code::kInvalidArgument, HasSubstr("whose certificate 2 is broken")));
}

TEST_F(TlsTest, FilesThatDoNotFitEachOtherChangeNothing) {
  StartSecured(WithTls(SecuredConfig()));
  ReplaceFile(dir_ / "eldrd.key", authority_.Issue("another", {}).key);
  EXPECT_TRUE(
      Eventually([&] { return absl::StrContains(LogSoFar(), "credentials_not_reloaded"); }));
  EXPECT_THAT(ListModels(TlsChannel(authority_)), IsOk()) << "the former ones serve";
}

TEST_F(TlsTest, ARequestedReloadServesAtOnce) {
  Config config = WithTokens(WithTls(SecuredConfig()));
  config.credential_reload_interval = absl::Hours(1);
  config.http.tls = true;
  StartSecured(config);
  TestAuthority next("next authority");
  const TestCertificate certificate = next.Issue("eldrd", {"DNS:localhost", "IP:127.0.0.1"});
  ReplaceFile(dir_ / "eldrd.key", certificate.key);
  ReplaceFile(dir_ / "eldrd.pem", certificate.certificate);
  ReplaceFile(TokenPath(Role::kRead), "another-token-for-readers\n");
  ReplaceFile(TokenPath(Role::kAdmin), "short\n");
  Config now = config;
  now.log.level = "debug";
  now.drain_timeout = absl::Seconds(7);
  daemon_->Reload(now);
  EXPECT_THAT(ListModels(TlsChannel(next), "another-token-for-readers"), IsOk());
  EXPECT_THAT(StopAndReadLog(),
              AllOf(HasSubstr("credentials_reloaded file=" + (dir_ / "eldrd.pem")),
                    HasSubstr("credentials_not_reloaded"),
                    HasSubstr("reloaded log_level=debug credential_files=6 changed=2 bad=1 "
                              "restart_needed=drain_timeout")));
}

TEST_F(TlsTest, ACertificateOutsideOfItsTermIsWarnedOf) {
  const auto set_clock = [this](absl::Time to) { clock_.StepWall(to - clock_.Wall()); };
  set_clock(absl::Now() - absl::Hours(24));
  Config config = WithTls(SecuredConfig());
  StartSecured(config);
  const auto warnings = [this] {
    const std::string log = LogSoFar();
    int count = 0;
    for (std::size_t at = log.find("certificate_not_valid"); at != std::string::npos;
         at = log.find("certificate_not_valid", at + 1)) {
      ++count;
    }
    return count;
  };
  EXPECT_TRUE(Eventually([&] { return warnings() == 1; })) << LogSoFar();
  EXPECT_THAT(LogSoFar(), HasSubstr("cause=\"not yet valid\" valid_from="));
  daemon_->Reload(config);
  EXPECT_TRUE(Eventually([&] { return warnings() == 2; })) << "at each reload that is asked for";
  set_clock(absl::Now() + absl::Hours(24 * 30));
  EXPECT_TRUE(Eventually([&] { return warnings() == 3; })) << "and when it ends";
  EXPECT_THAT(StopAndReadLog(), HasSubstr("cause=expired valid_until="));
}

TEST_F(TlsTest, FilesThatDoNotServeStopTheStart) {
  Config config = MutualTls();
  const auto refused = [&config](absl::string_view key, absl::string_view got) {
    EXPECT_THAT(ReadTlsFiles(config.tls),
                StatusIs(Code::kInvalidArgument,
                         AllOf(HasSubstr(std::string(key)), HasSubstr(std::string(got)))));
  };
  EXPECT_THAT(ReadTlsFiles(config.tls), IsOk());
  const Config good = config;
  config.tls.certificate = dir_ / "nowhere";
  refused("tls.certificate", "cannot be read: No such file or directory");
  config.tls.certificate = good.tls.key;
  refused("tls.certificate", "holds none");
  config = good;
  config.tls.key = good.tls.certificate;
  refused("tls.key", "holds none");
  ReplaceFile(dir_ / "other.key", authority_.Issue("x", {}).key);
  config.tls.key = dir_ / "other.key";
  refused("tls.key", "of another certificate");
  EXPECT_THAT(CheckCredentialFiles(config), StatusIs(Code::kInvalidArgument, HasSubstr("tls.key")))
      << "as --check-config does";
  EXPECT_THAT(Daemon::Start(config, clock_, std::make_shared<NoOutput>()),
              StatusIs(Code::kInvalidArgument, HasSubstr("tls.key")));
  config = good;
  config.tls.client_ca = dir_ / "nowhere";
  refused("tls.client_ca", "cannot be read");
}

TEST_F(TlsTest, PagesCanBeEncryptedAndFollowTheFiles) {
  Config config = WithTls(SecuredConfig());
  config.http.tls = true;
  StartSecured(config);
  const auto get = [this](const std::string& authority) {
    ReplaceFile(dir_ / "ca.pem", authority);
    httplib::SSLClient client("localhost", daemon_->http_address().port);
    client.set_ca_cert_path((dir_ / "ca.pem").c_str());
    client.enable_server_certificate_verification(true);
    const httplib::Result result = client.Get("/livez");
    return result ? result->body : "none";
  };
  EXPECT_EQ(get(authority_.certificate()), "ok\n");
  EXPECT_NE(Get("/livez"), "ok\n") << "plaintext";
  TestAuthority next("next authority");
  EXPECT_EQ(get(next.certificate()), "none");
  const TestCertificate certificate = next.Issue("eldrd", {"DNS:localhost"});
  ReplaceFile(dir_ / "eldrd.pem", certificate.certificate);
  ReplaceFile(dir_ / "eldrd.key", certificate.key);
  EXPECT_TRUE(Eventually([&] { return get(next.certificate()) == "ok\n"; }));
}

}  // namespace
}  // namespace eldr

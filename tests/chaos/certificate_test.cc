// The daemon's certificate is replaced under load.
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/chaos/chaos_test.h"
#include "tests/server/test_authority.h"

namespace eldr {
namespace {

class CertificateTest : public ChaosTest {
 protected:
  // Key and certificate are two files: for a moment they do not belong together.
  void Install(const TestCertificate& certificate) {
    ReplaceFile(files_ / "eldrd.key", certificate.key);
    ReplaceFile(files_ / "eldrd.pem", certificate.certificate);
  }
  TestCertificate Issue() { return authority_.Issue("eldrd", {"DNS:localhost", "IP:127.0.0.1"}); }
  std::shared_ptr<grpc::Channel> TlsChannel() const {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = authority_.certificate();
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(eldrd_->tcp_target(), grpc::SslCredentials(options),
                                     arguments);
  }

  const TempDir files_;
  TestAuthority authority_{"authority"};
};

TEST_F(CertificateTest, AReplacedOneServesNewConnectionsAndFailsNobody) {
  Install(Issue());
  EldrdProcess::Settings settings;
  settings.more =
      absl::StrCat("tls:\n  certificate: ", files_ / "eldrd.pem", "\n  key: ", files_ / "eldrd.key",
                   "\ncredential_reload_interval: 1s\n");
  StartDaemon(settings);
  if (HasFatalFailure()) return;
  for (int i = 0; i < 4; ++i) eldrd_->RegisterNode(absl::StrCat("n", i));
  const Load::NewChannel tls = [this] { return TlsChannel(); };
  Load open(tls, {.name = "open", .clients = 2});
  Load reconnecting(
      tls, {.name = "new", .clients = 2, .patience = absl::Seconds(20), .reconnect = true});
  ASSERT_TRUE(open.PlacesMore(50));
  ASSERT_TRUE(reconnecting.PlacesMore(50));
  const double first =
      eldrd_->Metric("eldr_tls_certificate_expiry_timestamp_seconds", "file=\"certificate\"");
  EXPECT_GT(first, 1.7e9);

  Install(authority_.Issue("eldrd", {"DNS:localhost", "IP:127.0.0.1"}, 2));
  EXPECT_TRUE(Within(absl::Seconds(20), [&] {
    return eldrd_->Metric("eldr_tls_certificate_expiry_timestamp_seconds", "file=\"certificate\"") >
           first + 80'000;
  }));
  ASSERT_TRUE(open.PlacesMore(50));
  ASSERT_TRUE(reconnecting.PlacesMore(50));
  open.Stop();
  reconnecting.Stop();
  ExpectNothingFailedAndNothingLeft(open);
  ExpectNothingFailedAndNothingLeft(reconnecting);
}

}  // namespace
}  // namespace eldr

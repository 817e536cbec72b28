// A daemon with credentials, and channels of those who have some.
#ifndef ELDR_TESTS_SERVER_SECURED_DAEMON_H_
#define ELDR_TESTS_SERVER_SECURED_DAEMON_H_

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

#include "server/config/role.h"
#include "tests/server/daemon_fixture.h"
#include "tests/server/string_output.h"
#include "tests/server/test_authority.h"
#include "tests/support/temp_dir.h"

namespace eldr {

class SecuredDaemonTest : public DaemonTest {
 protected:
  // Looks at files each second, the least there is.
  static Config SecuredConfig();

  // The role's token, and a configuration in which each role has a file with its token.
  static std::string TokenOf(Role role);
  std::string TokenPath(Role role) const;
  Config WithTokens(Config config);

  // The daemon gets a certificate of `authority_` for localhost.
  Config WithTls(Config config);
  // A channel with TLS, that trusts `authority` and shows `certificate` if it has one.
  std::shared_ptr<grpc::Channel> TlsChannel(const TestAuthority& authority,
                                            const TestCertificate& certificate = {}) const;

  // One call by whoever has the token ("" for none): OK, or why not.
  static absl::Status ListModels(const std::shared_ptr<grpc::Channel>& channel,
                                 const std::string& token = "");
  static absl::Status Drain(const std::shared_ptr<grpc::Channel>& channel,
                            const std::string& token = "");

  void StartSecured(const Config& config);
  // What was logged so far; the daemon writes in the background.
  std::string LogSoFar() const { return log_->text(); }
  // All that was logged. Stops the daemon.
  std::string StopAndReadLog();

  TempDir dir_;
  TestAuthority authority_{"test authority"};

 private:
  const std::shared_ptr<StringOutput> log_ = std::make_shared<StringOutput>();
};

// A channel of its own each time: gRPC shares connections between equal channels.
std::shared_ptr<grpc::Channel> NewChannel(const std::string& target,
                                          const std::shared_ptr<grpc::ChannelCredentials>& who);

}  // namespace eldr

#endif  // ELDR_TESTS_SERVER_SECURED_DAEMON_H_

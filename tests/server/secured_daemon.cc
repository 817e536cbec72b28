#include "tests/server/secured_daemon.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/support/status_matchers.h"

namespace eldr {

std::shared_ptr<grpc::Channel> NewChannel(const std::string& target,
                                          const std::shared_ptr<grpc::ChannelCredentials>& who) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(target, who, arguments);
}

Config SecuredDaemonTest::SecuredConfig() {
  Config config = TestConfig();
  config.credential_reload_interval = absl::Seconds(1);
  return config;
}

std::string SecuredDaemonTest::TokenOf(Role role) {
  return absl::StrCat("sesame-open-for-", Name(role));
}

std::string SecuredDaemonTest::TokenPath(Role role) const {
  return dir_ / absl::StrCat(Name(role), ".token");
}

Config SecuredDaemonTest::WithTokens(Config config) {
  for (std::size_t i = 0; i < kRoles; ++i) {
    const Role role = static_cast<Role>(i);
    ReplaceFile(TokenPath(role), TokenOf(role) + "\n");
    config.auth.tokens[i] = {TokenPath(role)};
  }
  return config;
}

Config SecuredDaemonTest::WithTls(Config config) {
  const TestCertificate certificate = authority_.Issue("eldrd", {"DNS:localhost", "IP:127.0.0.1"});
  ReplaceFile(dir_ / "eldrd.pem", certificate.certificate);
  ReplaceFile(dir_ / "eldrd.key", certificate.key);
  config.tls.certificate = dir_ / "eldrd.pem";
  config.tls.key = dir_ / "eldrd.key";
  return config;
}

std::shared_ptr<grpc::Channel> SecuredDaemonTest::TlsChannel(
    const TestAuthority& authority, const TestCertificate& certificate) const {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = authority.certificate();
  options.pem_cert_chain = certificate.certificate;
  options.pem_private_key = certificate.key;
  return NewChannel(grpc_target(), grpc::SslCredentials(options));
}

namespace {

void Prepare(grpc::ClientContext& context, const std::string& token) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  if (!token.empty()) context.AddMetadata("authorization", absl::StrCat("Bearer ", token));
}

}  // namespace

absl::Status SecuredDaemonTest::ListModels(const std::shared_ptr<grpc::Channel>& channel,
                                           const std::string& token) {
  grpc::ClientContext context;
  Prepare(context, token);
  v1::ListModelsResponse response;
  return FromGrpc(v1::ModelService::NewStub(channel)->ListModels(&context, {}, &response));
}

absl::Status SecuredDaemonTest::Drain(const std::shared_ptr<grpc::Channel>& channel,
                                      const std::string& token) {
  grpc::ClientContext context;
  Prepare(context, token);
  v1::DrainNodeRequest request;
  request.set_node_id("node-7");
  v1::DrainNodeResponse response;
  return FromGrpc(v1::FleetService::NewStub(channel)->DrainNode(&context, request, &response));
}

void SecuredDaemonTest::StartSecured(const Config& config) {
  auto daemon = Daemon::Start(config, clock_, log_);
  ASSERT_THAT(daemon, IsOk());
  daemon_ = *std::move(daemon);
  Connect();
}

std::string SecuredDaemonTest::StopAndReadLog() {
  daemon_.reset();
  return log_->text();
}

}  // namespace eldr

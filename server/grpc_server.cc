#include "server/grpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "core/base/status_macros.h"

namespace eldr {
namespace {

// Turns reflection on or off for one builder. The library adds it to every builder of a process
// that links it, and has no switch to leave it out.
class Reflection final : public grpc::ServerBuilderOption {
 public:
  explicit Reflection(bool on) : on_(on) {}

  void UpdateArguments(grpc::ChannelArguments* /*arguments*/) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    auto reflection = std::make_unique<grpc::reflection::ProtoServerReflectionPlugin>();
    const std::string name = reflection->name();
    std::erase_if(*plugins, [&](const auto& plugin) { return plugin->name() == name; });
    if (on_) plugins->push_back(std::move(reflection));
  }

 private:
  const bool on_;
};

void SetArguments(const GrpcConfig& config, grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(config.max_message_bytes));
  // gRPC holds a compressed message to that bound only once it is unpacked: 4 MiB that anybody may
  // send would become 4 GiB in memory.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE,
                             static_cast<int>(config.max_metadata_bytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             static_cast<int>(config.max_concurrent_streams));
  // Finds clients that vanished without a word, so that their streams end.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS,
                             static_cast<int>(absl::ToInt64Milliseconds(config.keepalive_time)));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                             static_cast<int>(absl::ToInt64Milliseconds(kClientSilence)));
  // Clients may ping as often as every second, so that they notice soon that a daemon vanished
  // (docs/operations.md); more often is answered by closing the connection.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // A connection that opens and says nothing is closed.
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10'000);
  // Bounds what half-received messages and unread answers of all connections take together.
  grpc::ResourceQuota quota("eldrd");
  quota.Resize(config.max_transport_bytes);
  builder.SetResourceQuota(quota);
}

}  // namespace

void DisableMutexDeadlockDetection() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(
    const GrpcConfig& config, const std::vector<NamedService>& services,
    std::shared_ptr<grpc::ServerCredentials> credentials,
    std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> guard, Log& log) {
  std::vector<ListenAddress> addresses(config.listen.size());
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    ELDR_ASSIGN_OR_RETURN(addresses[i], ParseListenAddress(config.listen[i]));
  }
  std::unique_ptr<GrpcServer> self(new GrpcServer());
  ELDR_ASSIGN_OR_RETURN(self->listeners_, GrpcListeners::Open(addresses, log));
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  SetArguments(config, builder);
  builder.SetOption(std::make_unique<Reflection>(config.reflection));
  if (config.reflection && guard != nullptr) {
    std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> guards;
    guards.push_back(std::move(guard));
    builder.experimental().SetInterceptorCreators(std::move(guards));
  }
  // The server listens on nothing itself: what the listeners accept comes to it through these.
  constexpr auto kFromFile =
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD;
  self->plaintext_ = builder.experimental().AddExternalConnectionAcceptor(
      kFromFile, grpc::InsecureServerCredentials());
  if (credentials != nullptr) {
    self->encrypted_ =
        builder.experimental().AddExternalConnectionAcceptor(kFromFile, std::move(credentials));
  }
  self->names_ = {"", "readiness"};
  for (const NamedService& service : services) {
    builder.RegisterService(service.service);
    self->names_.push_back(service.name);
  }
  self->server_ = builder.BuildAndStart();
  if (self->server_ == nullptr) return absl::InternalError("gRPC does not start; see its lines");
  self->server_->GetHealthCheckService()->SetServingStatus("liveness", true);
  self->SetReady(false);
  self->Accept();
  return self;
}

GrpcServer::~GrpcServer() { Stop(absl::ZeroDuration()); }

void GrpcServer::Accept() {
  listeners_->Start([this](int listening, UniqueFd connection, bool plaintext) {
    Acceptor::NewConnectionParameters parameters;
    parameters.listener_fd = listening;
    parameters.fd = connection.Release();
    const bool encrypt = encrypted_ != nullptr && !plaintext;
    (encrypt ? encrypted_ : plaintext_)->HandleNewConnection(&parameters);
  });
}

void GrpcServer::SetReady(bool ready) {
  grpc::HealthCheckServiceInterface* const health = server_->GetHealthCheckService();
  for (const std::string& name : names_) health->SetServingStatus(name, ready);
}

void GrpcServer::Stop(absl::Duration grace) {
  if (listeners_ != nullptr) listeners_->Stop();
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMicroseconds(grace));
  server_->Wait();
  server_.reset();
}

}  // namespace eldr

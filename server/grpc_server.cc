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
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE,
                             static_cast<int>(config.max_metadata_bytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             static_cast<int>(config.max_concurrent_streams));
  // Finds clients that vanished without a word, so that their streams end.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS,
                             static_cast<int>(absl::ToInt64Milliseconds(config.keepalive_time)));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  // Clients may ping idle connections as often as every 10 s.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // A connection that opens and says nothing is closed.
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10'000);
  // Bounds what half-received messages and unread answers of all connections take together.
  grpc::ResourceQuota quota("eldrd");
  quota.Resize(config.max_transport_bytes);
  builder.SetResourceQuota(quota);
  // Only one daemon to a port: by default two would share it silently.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

}  // namespace

void SpareDeadlockSearch() { absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore); }

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(
    const GrpcConfig& config, const std::vector<grpc::Service*>& services,
    std::shared_ptr<grpc::ServerCredentials> credentials,
    std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> guard) {
  std::unique_ptr<GrpcServer> self(new GrpcServer());
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  SetArguments(config, builder);
  builder.SetOption(std::make_unique<Reflection>(config.reflection));
  if (config.reflection && guard != nullptr) {
    std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> guards;
    guards.push_back(std::move(guard));
    builder.experimental().SetInterceptorCreators(std::move(guards));
  }
  const auto plaintext = grpc::InsecureServerCredentials();
  std::vector<int> ports(config.listen.size(), 0);
  for (std::size_t i = 0; i < config.listen.size(); ++i) {
    ListenAddress address;
    ELDR_ASSIGN_OR_RETURN(address, ParseListenAddress(config.listen[i]));
    builder.AddListeningPort(
        address.ToString(), credentials == nullptr || address.unix_socket ? plaintext : credentials,
        &ports[i]);
    self->addresses_.push_back(std::move(address));
  }
  for (grpc::Service* const service : services) builder.RegisterService(service);
  self->server_ = builder.BuildAndStart();
  if (self->server_ == nullptr) {
    return absl::UnavailableError(absl::StrCat("grpc.listen: cannot listen on ",
                                               absl::StrJoin(config.listen, ", "),
                                               ": in use, not an address of this machine, or not "
                                               "allowed"));
  }
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (!self->addresses_[i].unix_socket) self->addresses_[i].port = ports[i];
  }
  grpc::HealthCheckServiceInterface* const health = self->server_->GetHealthCheckService();
  for (const char* const name : {"", "liveness", "readiness"}) {
    health->SetServingStatus(name, true);
  }
  return self;
}

GrpcServer::~GrpcServer() { Stop(absl::ZeroDuration()); }

void GrpcServer::SetNotReady() {
  grpc::HealthCheckServiceInterface* const health = server_->GetHealthCheckService();
  health->SetServingStatus("", false);
  health->SetServingStatus("readiness", false);
}

void GrpcServer::Stop(absl::Duration grace) {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMicroseconds(grace));
  server_->Wait();
  server_.reset();
}

}  // namespace eldr

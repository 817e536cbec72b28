#include "tools/loadgen/async_calls.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include "absl/memory/memory.h"
#include "client/src/channel_credentials.h"
#include "client/src/connection.h"
#include "client/src/open_channel.h"
#include "core/base/status_macros.h"

namespace eldr::loadgen {
namespace {

// A daemon that was restarted is to be found again at once.
constexpr int kReconnectMilliseconds = 100;

}  // namespace

absl::StatusOr<std::unique_ptr<AsyncCalls>> AsyncCalls::Create(const client::Options& options,
                                                               std::size_t connections) {
  auto calls = absl::WrapUnique(new AsyncCalls(options));
  ELDR_RETURN_IF_ERROR(calls->token_.Check());
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  ELDR_ASSIGN_OR_RETURN(credentials, client::internal::MakeChannelCredentials(options.tls));
  for (std::size_t i = 0; i < connections; ++i) {
    grpc::ChannelArguments arguments = client::internal::ArgumentsOf(options);
    // Channels to one target would share a connection.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMilliseconds);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMilliseconds);
    calls->channels_.push_back(grpc::CreateCustomChannel(options.target, credentials, arguments));
  }
  calls->thread_ = std::thread([self = calls.get()] { self->Complete(); });
  return calls;
}

AsyncCalls::AsyncCalls(const client::Options& options)
    : timeout_(options.timeout), token_(options.token_file) {}

AsyncCalls::~AsyncCalls() {
  queue_.Shutdown();
  if (thread_.joinable()) {
    thread_.join();
  } else {
    Complete();
  }
}

void AsyncCalls::Ready(grpc::ClientContext& context) {
  token_.AddTo(context);
  client::internal::SetTimeout(context, timeout_);
}

void AsyncCalls::Complete() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) static_cast<Operation*>(tag)->Done(ok);
}

}  // namespace eldr::loadgen

#include "client/src/connection.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/src/channel_credentials.h"

namespace eldr::client::internal {
namespace {

absl::Status Check(const Options& options) {
  const auto refuse = [](absl::string_view field, const auto& value, absl::string_view expected) {
    return absl::InvalidArgumentError(
        absl::StrCat("Options.", field, " is ", value, ", expected ", expected));
  };
  if (options.target.empty() && options.channel == nullptr) {
    return refuse("target", "\"\"", "\"host:port\" or \"unix:/path\"");
  }
  if (options.timeout <= absl::ZeroDuration()) {
    return refuse("timeout", absl::FormatDuration(options.timeout), "more than 0");
  }
  const RetryOptions& retry = options.retry;
  if (retry.max_attempts < 1) {
    return refuse("retry.max_attempts", retry.max_attempts, "at least 1");
  }
  if (retry.initial_backoff < absl::ZeroDuration()) {
    return refuse("retry.initial_backoff", absl::FormatDuration(retry.initial_backoff),
                  "at least 0");
  }
  if (retry.max_backoff < absl::ZeroDuration()) {
    return refuse("retry.max_backoff", absl::FormatDuration(retry.max_backoff), "at least 0");
  }
  if (!(retry.multiplier >= 1.0)) {
    return refuse("retry.multiplier", retry.multiplier, "at least 1");
  }
  if (options.max_receive_bytes <= 0) {
    return refuse("max_receive_bytes", options.max_receive_bytes, "more than 0");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const Options& options) {
  if (options.channel != nullptr) return options.channel;
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(options.max_receive_bytes);
  // gRPC waits 1 s before it connects again and fails calls at once meanwhile, which would use up
  // all attempts of a call: reconnect at the pace of the retries instead.
  const auto milliseconds = [](absl::Duration d) {
    return static_cast<int>(std::clamp<int64_t>(absl::ToInt64Milliseconds(d), 1, 60'000));
  };
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
                   milliseconds(options.retry.initial_backoff));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, milliseconds(options.retry.max_backoff));
  if (!options.tls.server_name.empty()) arguments.SetSslTargetNameOverride(options.tls.server_name);
  auto credentials = options.credentials;
  if (credentials == nullptr) {
    auto made = MakeChannelCredentials(options.tls);
    if (!made.ok()) return made.status();
    credentials = *std::move(made);
  }
  return grpc::CreateCustomChannel(options.target, credentials, arguments);
}

// A pause between attempts waits on the channel, and ends when that connects: while nobody waits
// for anything on a channel, gRPC looks only every five seconds whether a new connection stands,
// and a daemon that is back would be found that late.
RetryEnvironment EnvironmentOf(const std::shared_ptr<grpc::Channel>& channel) {
  RetryEnvironment environment = RealRetryEnvironment();
  environment.sleep = [channel, sleep = environment.sleep](absl::Duration pause) {
    const auto start = std::chrono::steady_clock::now();
    const auto deadline = std::chrono::system_clock::now() + absl::ToChronoNanoseconds(pause);
    const bool connected = channel->GetState(/*try_to_connect=*/true) == GRPC_CHANNEL_READY;
    if (!connected && channel->WaitForConnected(deadline)) return;
    sleep(pause - absl::FromChrono(std::chrono::steady_clock::now() - start));
  };
  return environment;
}

}  // namespace

void SetTimeout(grpc::ClientContext& context, absl::Duration timeout) {
  if (timeout == absl::InfiniteDuration()) return;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(timeout));
}

absl::StatusOr<std::shared_ptr<Connection>> Connection::Create(Options options) {
  if (absl::Status status = Check(options); !status.ok()) return status;
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = OpenChannel(options);
  if (!channel.ok()) return channel.status();
  std::shared_ptr<Connection> connection(new Connection(std::move(options), *std::move(channel)));
  if (absl::Status status = connection->token_.Check(); !status.ok()) return status;
  return connection;
}

Connection::Connection(Options options, std::shared_ptr<grpc::Channel> channel)
    : options_(std::move(options)),
      environment_(EnvironmentOf(channel)),
      channel_(std::move(channel)),
      token_(options_.token_file),
      models_(v1::ModelService::NewStub(channel_)),
      fleet_(v1::FleetService::NewStub(channel_)),
      placement_(v1::PlacementService::NewStub(channel_)),
      renewals_(
          [this](const v1::RenewLeasesRequest& request) {
            return Call(placement(), &v1::PlacementService::StubInterface::RenewLeases, request,
                        CallOptions());
          },
          [this](const v1::ReleaseLeasesRequest& request) {
            return Call(placement(), &v1::PlacementService::StubInterface::ReleaseLeases, request,
                        CallOptions());
          }),
      renewal_thread_(&renewals_, environment_.now) {}

absl::Status Connection::Retry(const CallOptions& options, Repeat repeat,
                               absl::FunctionRef<grpc::Status(grpc::ClientContext&)> attempt) {
  const absl::Duration timeout =
      options.timeout == absl::ZeroDuration() ? options_.timeout : options.timeout;
  return CallWithRetry(options_.retry, repeat, timeout, environment_,
                       [this, &attempt](absl::Duration remaining) {
                         grpc::ClientContext context;  // a context serves one attempt
                         token_.AddTo(context);
                         SetTimeout(context, remaining);
                         return FromGrpcStatus(attempt(context));
                       });
}

void Connection::PrepareStream(const CallOptions& options, grpc::ClientContext& context) {
  if (options.timeout != absl::ZeroDuration()) SetTimeout(context, options.timeout);
  token_.AddTo(context);
}

}  // namespace eldr::client::internal

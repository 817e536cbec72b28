#include "client/src/connection.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/src/open_channel.h"

namespace eldr::client::internal {
namespace {

// Many calls may fail at one moment; they need not all start the search for the daemon anew.
constexpr absl::Duration kBetweenSearches = absl::Milliseconds(100);

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
  if (options.keepalive_time < absl::Seconds(1)) {
    return refuse("keepalive_time", absl::FormatDuration(options.keepalive_time), "at least 1s");
  }
  if (options.keepalive_timeout < absl::Seconds(1)) {
    return refuse("keepalive_timeout", absl::FormatDuration(options.keepalive_timeout),
                  "at least 1s");
  }
  return CheckProxy(options.http_proxy);
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
      history_(v1::HistoryService::NewStub(channel_)),
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
  return CallWithRetry(options_.retry, repeat, TimeoutOf(options), environment_,
                       [this, &attempt](absl::Duration remaining) {
                         grpc::ClientContext context;  // a context serves one attempt
                         token_.AddTo(context);
                         SetTimeout(context, remaining);
                         return Judge(attempt(context));
                       });
}

absl::Status Connection::Judge(const grpc::Status& status) {
  absl::Status judged = FromGrpcStatus(status);
  if (!absl::IsUnavailable(judged)) return judged;
  SearchDaemon();
  if (options_.http_proxy.empty() || options_.channel != nullptr) return judged;
  return absl::UnavailableError(absl::StrCat(judged.message(), " (by way of the proxy ",
                                             ProxyAddress(options_.http_proxy), ")"));
}

void Connection::SearchDaemon() {
  {
    absl::MutexLock lock(&mutex_);
    const absl::Duration now = Now();
    if (now < next_search_) return;
    next_search_ = now + kBetweenSearches;
  }
  // The name is looked up again, and what it stands for now is tried at once: without this gRPC
  // would look up a name that could not be resolved after up to two minutes.
  grpc::experimental::ChannelResetConnectionBackoff(channel_.get());
}

void Connection::PrepareStream(const CallOptions& options, grpc::ClientContext& context) {
  {
    absl::MutexLock lock(&mutex_);
    if (reader_ == nullptr) reader_ = std::make_unique<ChannelReader>();
  }
  if (options.timeout != absl::ZeroDuration()) SetTimeout(context, options.timeout);
  token_.AddTo(context);
}

}  // namespace eldr::client::internal

#include "client/src/open_channel.h"

#include <grpcpp/create_channel.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/src/channel_credentials.h"

namespace eldr::client::internal {
namespace {

// gRPC's own values are for the open internet: up to two minutes between attempts to connect,
// twenty seconds for one, half a minute between look-ups of a name.
constexpr absl::Duration kMostReconnectPause = absl::Milliseconds(400);
constexpr absl::Duration kConnectTimeout = absl::Seconds(3);
constexpr absl::Duration kBetweenLookups = absl::Milliseconds(200);
// For all name servers together: the resolver asks the second after five seconds.
constexpr absl::Duration kLookupTimeout = absl::Seconds(10);

void SetMilliseconds(grpc::ChannelArguments& arguments, const char* name, absl::Duration value) {
  arguments.SetInt(
      name, static_cast<int>(std::clamp<int64_t>(absl::ToInt64Milliseconds(value), 1, INT32_MAX)));
}

void SetReconnection(const RetryOptions& retry, grpc::ChannelArguments& arguments) {
  // While it waits to connect again gRPC fails calls at once, which would use up all attempts of a
  // call: reconnect at the pace of the retries instead.
  const absl::Duration most = std::min(retry.max_backoff, kMostReconnectPause);
  SetMilliseconds(arguments, GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
                  std::min(retry.initial_backoff, most));
  SetMilliseconds(arguments, GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, most);
  SetMilliseconds(arguments, GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeout);
  SetMilliseconds(arguments, GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, kBetweenLookups);
  SetMilliseconds(arguments, GRPC_ARG_DNS_ARES_QUERY_TIMEOUT_MS, kLookupTimeout);
}

void SetKeepalive(const Options& options, grpc::ChannelArguments& arguments) {
  if (options.keepalive_time == absl::InfiniteDuration()) return;
  SetMilliseconds(arguments, GRPC_ARG_KEEPALIVE_TIME_MS, options.keepalive_time);
  SetMilliseconds(arguments, GRPC_ARG_KEEPALIVE_TIMEOUT_MS, options.keepalive_timeout);
  // Only while a call waits: nobody reads an idle connection, so an answer would come too late.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  // Else gRPC stops after two pings on a stream that only receives.
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
}

}  // namespace

absl::Status CheckProxy(const std::string& http_proxy) {
  if (http_proxy.empty()) return absl::OkStatus();
  absl::string_view rest = http_proxy;
  const bool is_http = absl::ConsumePrefix(&rest, "http://");
  absl::ConsumeSuffix(&rest, "/");
  const std::size_t at = rest.rfind('@');
  const absl::string_view address = at == absl::string_view::npos ? rest : rest.substr(at + 1);
  const std::size_t colon = address.rfind(':');
  if (is_http && colon != 0 && colon != absl::string_view::npos && colon + 1 < address.size() &&
      address.find('/') == absl::string_view::npos) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("Options.http_proxy is \"",
                                                 is_http ? "http://" : "", address,
                                                 "\", expected http://[USER:PASSWORD@]HOST:PORT"));
}

std::string ProxyAddress(const std::string& http_proxy) {
  const absl::string_view rest = absl::StripSuffix(absl::StripPrefix(http_proxy, "http://"), "/");
  const std::size_t at = rest.rfind('@');
  return std::string(at == absl::string_view::npos ? rest : rest.substr(at + 1));
}

grpc::ChannelArguments ArgumentsOf(const Options& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(options.max_receive_bytes);
  SetReconnection(options.retry, arguments);
  SetKeepalive(options, arguments);
  // Else gRPC takes one from the environment (http_proxy and alike), for the loopback too. Proxies
  // are for the world outside; a daemon is a neighbour.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, options.http_proxy.empty() ? 0 : 1);
  if (!options.http_proxy.empty()) arguments.SetString(GRPC_ARG_HTTP_PROXY, options.http_proxy);
  if (!options.tls.server_name.empty()) arguments.SetSslTargetNameOverride(options.tls.server_name);
  return arguments;
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const Options& options) {
  if (options.channel != nullptr) return options.channel;
  auto credentials = options.credentials;
  if (credentials == nullptr) {
    auto made = MakeChannelCredentials(options.tls);
    if (!made.ok()) return made.status();
    credentials = *std::move(made);
  }
  return grpc::CreateCustomChannel(options.target, credentials, ArgumentsOf(options));
}

}  // namespace eldr::client::internal

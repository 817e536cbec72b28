// The channel to a daemon, set up so that it notices what became of it.
#ifndef ELDR_CLIENT_SRC_OPEN_CHANNEL_H_
#define ELDR_CLIENT_SRC_OPEN_CHANNEL_H_

#include <grpcpp/channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "eldr/client/options.h"

namespace eldr::client::internal {

// Options.channel if that is set, else a new one, which does not connect yet. INVALID_ARGUMENT if a
// file of TLS cannot be read. REQUIRES: the options are in their ranges.
//
// A daemon that ends resets its connections, so that is noticed at once: the channel asks the name
// again and connects every 0.4 s or more often. One that vanishes says nothing. What was sent and
// is not acknowledged for keepalive_timeout ends the connection (the kernel's TCP_USER_TIMEOUT,
// which gRPC sets with the keepalive), and so does a ping without an answer where nothing was sent.
absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const Options& options);

// What such a channel is made with: all but the target and the credentials.
grpc::ChannelArguments ArgumentsOf(const Options& options);

// OK for "" and for http://[USER:PASSWORD@]HOST:PORT; INVALID_ARGUMENT, without the password, else.
absl::Status CheckProxy(const std::string& http_proxy);
// "HOST:PORT". REQUIRES: CheckProxy() is OK and it is not empty.
std::string ProxyAddress(const std::string& http_proxy);

}  // namespace eldr::client::internal

#endif  // ELDR_CLIENT_SRC_OPEN_CHANNEL_H_

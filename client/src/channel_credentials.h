// TLS of the client, from files.
#ifndef ELDR_CLIENT_SRC_CHANNEL_CREDENTIALS_H_
#define ELDR_CLIENT_SRC_CHANNEL_CREDENTIALS_H_

#include <grpcpp/security/credentials.h>

#include <memory>

#include "absl/status/statusor.h"
#include "eldr/client/options.h"

namespace eldr::client::internal {

// Plaintext without any file. INVALID_ARGUMENT, naming the option, for a file that cannot be read
// and for a certificate without its key. Replaced files serve new connections within a minute.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(
    const TlsOptions& tls);

}  // namespace eldr::client::internal

#endif  // ELDR_CLIENT_SRC_CHANNEL_CREDENTIALS_H_

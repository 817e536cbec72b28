// TLS for the daemon's ports, from files that may be replaced while it runs.
#ifndef ELDR_SERVER_AUTH_TLS_H_
#define ELDR_SERVER_AUTH_TLS_H_

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/config/config.h"

namespace eldr {

// INVALID_ARGUMENT, naming key and file, if a file cannot be read, holds no certificate or no
// private key, or if the key is of another certificate.
absl::Status CheckTlsFiles(const TlsConfig& config);

// When the first of the certificates in the file ends. `key` is the configuration's name of the
// file, for messages; errors as CheckTlsFiles.
absl::StatusOr<absl::Time> FirstExpiry(absl::string_view key, const std::string& path);

// Credentials that follow the files: replaced ones serve the handshakes after `reload_interval`,
// connections that are open stay. While the files do not fit each other, the former ones serve.
// REQUIRES: config.enabled(). Errors as CheckTlsFiles.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsConfig& config, absl::Duration reload_interval);

}  // namespace eldr

#endif  // ELDR_SERVER_AUTH_TLS_H_

// The certificate files as credentials of gRPC's port.
#ifndef ELDR_SERVER_AUTH_TLS_CREDENTIALS_H_
#define ELDR_SERVER_AUTH_TLS_CREDENTIALS_H_

#include <grpcpp/security/server_credentials.h>

#include <memory>

#include "server/auth/tls_files.h"
#include "server/config/config.h"

namespace eldr {

// For one port. Each handshake is served with what `files` holds by then; connections that are open
// stay. `files` must outlive the server.
std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(const TlsConfig& config,
                                                               const TlsFiles& files);

}  // namespace eldr

#endif  // ELDR_SERVER_AUTH_TLS_CREDENTIALS_H_

// TLS for the daemon's ports, from files that may be replaced while it runs.
#ifndef ELDR_SERVER_AUTH_TLS_H_
#define ELDR_SERVER_AUTH_TLS_H_

#include <grpcpp/security/server_credentials.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/openssl_handle.h"
#include "server/config/config.h"

namespace eldr {

// From when to when a certificate of a file is good.
struct CertificateTerm {
  absl::string_view key;  // the configuration's name of the file, "tls.certificate"
  std::string file;
  std::string subject;
  absl::Time start;
  absl::Time end;
};

// What the files hold, in PEM, read once and found to fit each other.
struct TlsMaterial {
  std::string certificate;
  std::string key;
  std::string client_ca;  // empty: clients show none
  std::vector<CertificateTerm> terms;
};

// INVALID_ARGUMENT, naming key and file, if a file cannot be read, holds no certificate or no
// private key, or if the key is of another certificate. Dates are not looked at. REQUIRES:
// config.enabled().
absl::StatusOr<TlsMaterial> ReadTlsFiles(const TlsConfig& config);

// For a port that asks for no client certificate. INVALID_ARGUMENT if the library refuses it.
absl::StatusOr<SslContextPtr> MakeServerContext(const TlsMaterial& material);

}  // namespace eldr

#endif  // ELDR_SERVER_AUTH_TLS_H_

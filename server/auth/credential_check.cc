#include "server/auth/credential_check.h"

#include "core/base/status_macros.h"
#include "server/auth/authorizer.h"
#include "server/auth/tls.h"
#include "server/auth/token_file.h"

namespace eldr {

absl::Status CheckCredentialFiles(const Config& config) {
  ELDR_RETURN_IF_ERROR(Authorizer::Create(config.auth).status());
  if (!config.http.token_file.empty()) {
    ELDR_RETURN_IF_ERROR(TokenFile::Open("http.token_file", config.http.token_file).status());
  }
  if (!config.tls.enabled()) return absl::OkStatus();
  absl::StatusOr<TlsMaterial> material = ReadTlsFiles(config.tls);
  return material.ok() ? MakeServerContext(*material).status() : material.status();
}

}  // namespace eldr

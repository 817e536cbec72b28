// Checks the files of credentials without serving with them.
#ifndef ELDR_SERVER_AUTH_CREDENTIAL_CHECK_H_
#define ELDR_SERVER_AUTH_CREDENTIAL_CHECK_H_

#include "absl/status/status.h"
#include "server/config/config.h"

namespace eldr {

// INVALID_ARGUMENT, naming key and file, if a file of certificates or tokens would stop the start.
absl::Status CheckCredentialFiles(const Config& config);

}  // namespace eldr

#endif  // ELDR_SERVER_AUTH_CREDENTIAL_CHECK_H_

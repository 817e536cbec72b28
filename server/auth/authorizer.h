// Tells who makes a call, and whether they may.
#ifndef ELDR_SERVER_AUTH_AUTHORIZER_H_
#define ELDR_SERVER_AUTH_AUTHORIZER_H_

#include <grpcpp/server_context.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/auth/token_file.h"
#include "server/config/config.h"
#include "server/config/role.h"
#include "server/metrics/metrics.h"

namespace eldr {

// Whether a call may be made, and who asked.
struct Verdict {
  // "token FILE" or "certificate NAME", as configured; "anonymous" without a known credential.
  // Lives as long as the authorizer.
  absl::string_view who;
  RoleSet roles;
  absl::Status status;
};

// A caller has the roles of its token and of its certificate together. Without any configured
// credential everybody has all roles.
//
// Thread-safe.
class Authorizer {
 public:
  // INVALID_ARGUMENT, naming key and file, if a token file is not usable.
  static absl::StatusOr<std::unique_ptr<Authorizer>> Create(const AuthConfig& config);

  // False if everybody may do everything.
  bool enabled() const { return !tokens_.empty() || !certificates_.empty(); }

  // UNAUTHENTICATED without a credential, and for one that is not known, even beside a good one;
  // PERMISSION_DENIED, naming the caller's roles and the call, if it is for others to make.
  Verdict Authorize(Call call, const grpc::ServerContextBase& rpc) const;
  // The same for what is not one of our calls.
  Verdict Authorize(absl::string_view method, RoleSet allowed,
                    const grpc::ServerContextBase& rpc) const;

  // The files of tokens, each once. They live as long as the authorizer.
  std::vector<TokenFile*> files() const;

 private:
  struct Tokens {
    std::string who;
    RoleSet roles;
    std::unique_ptr<TokenFile> file;
  };
  struct Certificate {
    std::string who;
    RoleSet roles;
  };

  Authorizer() = default;
  Verdict Identify(const grpc::ServerContextBase& rpc) const;
  bool AddToken(const grpc::ServerContextBase& rpc, Verdict& verdict) const;
  void AddCertificate(const grpc::ServerContextBase& rpc, Verdict& verdict) const;

  // Both stay as created, but for the contents of the files.
  std::vector<Tokens> tokens_;
  absl::flat_hash_map<std::string, Certificate> certificates_;  // by name
};

}  // namespace eldr

#endif  // ELDR_SERVER_AUTH_AUTHORIZER_H_

#include "server/auth/authorizer.h"

#include <grpcpp/security/auth_context.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/auth/call_roles.h"

namespace eldr {
namespace {

constexpr char kAnonymous[] = "anonymous";

absl::string_view View(grpc::string_ref text) { return {text.data(), text.size()}; }

}  // namespace

absl::StatusOr<std::unique_ptr<Authorizer>> Authorizer::Create(const AuthConfig& config) {
  std::unique_ptr<Authorizer> self(new Authorizer());
  for (std::size_t i = 0; i < kRoles; ++i) {
    const Role role = static_cast<Role>(i);
    for (const std::string& path : config.tokens[i]) {
      const auto known =
          std::find_if(self->tokens_.begin(), self->tokens_.end(),
                       [&](const Tokens& tokens) { return tokens.file->path() == path; });
      if (known != self->tokens_.end()) {
        known->roles.Add({role});
        continue;
      }
      Tokens tokens{.who = absl::StrCat("token ", path), .roles = {role}, .file = nullptr};
      ELDR_ASSIGN_OR_RETURN(tokens.file,
                            TokenFile::Open(absl::StrCat("auth.tokens.", Name(role)), path));
      self->tokens_.push_back(std::move(tokens));
    }
    for (const std::string& name : config.certificates[i]) {
      Certificate& certificate = self->certificates_[name];
      certificate.who = absl::StrCat("certificate ", name);
      certificate.roles.Add({role});
    }
  }
  return self;
}

Verdict Authorizer::Authorize(Call call, const grpc::ServerContextBase& rpc) const {
  return Authorize(Name(call), RolesOf(call), rpc);
}

Verdict Authorizer::Authorize(absl::string_view method, RoleSet allowed,
                              const grpc::ServerContextBase& rpc) const {
  if (!enabled()) return {.who = kAnonymous, .roles = RoleSet::All(), .status = absl::OkStatus()};
  Verdict verdict = Identify(rpc);
  if (verdict.status.ok() && !verdict.roles.Meets(allowed)) {
    verdict.status = absl::PermissionDeniedError(
        absl::StrCat(method, ": got a credential of role ", verdict.roles.ToString("and"),
                     ", expected role ", allowed.ToString("or")));
  }
  return verdict;
}

Verdict Authorizer::Identify(const grpc::ServerContextBase& rpc) const {
  Verdict verdict{.who = kAnonymous, .roles = {}, .status = absl::OkStatus()};
  if (!certificates_.empty()) AddCertificate(rpc, verdict);
  if (!AddToken(rpc, verdict)) {
    verdict.status = absl::UnauthenticatedError(
        "authorization: got a token that is not known, expected \"Bearer TOKEN\" with a token of "
        "one of the files in auth.tokens");
  } else if (verdict.roles.empty()) {
    verdict.status = absl::UnauthenticatedError(
        absl::StrCat("authorization: got no known credential, expected ",
                     tokens_.empty() ? "" : "metadata \"authorization: Bearer TOKEN\"",
                     tokens_.empty() || certificates_.empty() ? "" : " or ",
                     certificates_.empty() ? "" : "a client certificate in auth.certificates"));
  }
  return verdict;
}

// False if a token was presented that is not known.
bool Authorizer::AddToken(const grpc::ServerContextBase& rpc, Verdict& verdict) const {
  const auto [first, last] = rpc.client_metadata().equal_range("authorization");
  if (first == last) return true;
  if (std::next(first) != last) return false;  // which of them should count?
  const absl::string_view token = BearerToken(View(first->second));
  if (token.empty()) return false;
  const TokenDigest digest = DigestOf(token);
  bool known = false;
  for (const Tokens& tokens : tokens_) {
    if (!tokens.file->Holds(digest)) continue;
    known = true;
    verdict.who = tokens.who;
    verdict.roles.Add(tokens.roles);
  }
  return known;
}

void Authorizer::AddCertificate(const grpc::ServerContextBase& rpc, Verdict& verdict) const {
  const std::shared_ptr<const grpc::AuthContext> peer = rpc.auth_context();
  if (peer == nullptr || !peer->IsPeerAuthenticated()) return;
  // The subject alternative names, or the common name if there are none.
  for (const grpc::string_ref& name : peer->GetPeerIdentity()) {
    const auto found = certificates_.find(View(name));
    if (found == certificates_.end()) continue;
    verdict.who = found->second.who;
    verdict.roles.Add(found->second.roles);
  }
}

std::vector<TokenFile*> Authorizer::files() const {
  std::vector<TokenFile*> files;
  for (const Tokens& tokens : tokens_) files.push_back(tokens.file.get());
  return files;
}

}  // namespace eldr

#include "server/auth/credential_reload.h"

#include <utility>

namespace eldr {

CredentialReload::CredentialReload(std::vector<TokenFile*> tokens, TlsFiles* tls, Log& log)
    : tokens_(std::move(tokens)), tls_(tls), log_(log) {
  if (tls_ != nullptr) tls_->WarnOfTerms(log_, true);
}

void CredentialReload::OnTimer() {
  MutexLock lock(mutex_);
  Reload(false);
}

CredentialReload::Summary CredentialReload::OnRequest() {
  MutexLock lock(mutex_);
  return Reload(true);
}

CredentialReload::Summary CredentialReload::Reload(bool say_again) {
  Summary summary;
  for (TokenFile* const file : tokens_) Note(file->path(), file->Reload(), say_again, summary);
  if (tls_ != nullptr) {
    Note(tls_->path(), tls_->Reload(), say_again, summary);
    tls_->WarnOfTerms(log_, say_again);
  }
  return summary;
}

void CredentialReload::Note(const std::string& path, const absl::StatusOr<bool>& changed,
                            bool say_again, Summary& summary) {
  ++summary.files;
  if (!changed.ok()) {
    ++summary.bad;
    if (bad_.insert(path).second || say_again) {
      log_.Warning("credentials_not_reloaded", {{"message", changed.status().message()}});
    }
    return;
  }
  bad_.erase(path);
  if (!*changed) return;
  ++summary.changed;
  log_.Info("credentials_reloaded", {{"file", path}});
}

}  // namespace eldr

// Reads the files of tokens and certificates again while the daemon runs.
#ifndef ELDR_SERVER_AUTH_CREDENTIAL_RELOAD_H_
#define ELDR_SERVER_AUTH_CREDENTIAL_RELOAD_H_

#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "core/base/mutex.h"
#include "server/auth/tls_files.h"
#include "server/auth/token_file.h"
#include "server/base/log.h"

namespace eldr {

// Leaves a line `credentials_reloaded` for each file that holds something else than before, and
// `credentials_not_reloaded` for one that cannot be used, whose former contents stay good.
//
// Thread-safe.
class CredentialReload {
 public:
  struct Summary {
    int files = 0;    // that were looked at; those of the certificate count as one
    int changed = 0;  // that hold something else
    int bad = 0;      // that cannot be used
  };

  // All must outlive this; `tls`: nullptr without TLS.
  CredentialReload(std::vector<TokenFile*> tokens, TlsFiles* tls, Log& log);

  // Says of a file that stays bad only once that it is, and of a certificate that has ended.
  void OnTimer();
  // Somebody asked for it, and hears of everything that is not in order.
  Summary OnRequest();

 private:
  Summary Reload(bool say_again) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Note(const std::string& path, const absl::StatusOr<bool>& changed, bool say_again,
            Summary& summary) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::vector<TokenFile*> tokens_;
  TlsFiles* const tls_;
  Log& log_;
  Mutex mutex_;
  std::set<std::string> bad_ ABSL_GUARDED_BY(mutex_);  // files that were said to be
};

}  // namespace eldr

#endif  // ELDR_SERVER_AUTH_CREDENTIAL_RELOAD_H_

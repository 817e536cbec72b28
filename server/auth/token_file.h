// Bearer tokens from a file, compared without telling how close a guess came.
#ifndef ELDR_SERVER_AUTH_TOKEN_FILE_H_
#define ELDR_SERVER_AUTH_TOKEN_FILE_H_

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/base/mutex.h"

namespace eldr {

// A token as it is kept and compared: tokens themselves stay in their files. Of one length, so that
// comparing takes the same time whatever was presented.
using TokenDigest = std::array<unsigned char, 32>;  // SHA-256
TokenDigest DigestOf(absl::string_view token);

// The token of an `authorization` header, "Bearer TOKEN"; empty if it is of another form.
absl::string_view BearerToken(absl::string_view authorization);

// The file has a token per line, of 16 to 4096 printable characters without blanks; empty lines and
// those that start with # are skipped. Several tokens let clients move from one to the next.
//
// Thread-safe.
class TokenFile {
 public:
  // `key` is the configuration's name of the file, for messages. INVALID_ARGUMENT, naming key, file
  // and line but never a token, if the file cannot be read or holds no token.
  static absl::StatusOr<std::unique_ptr<TokenFile>> Open(absl::string_view key,
                                                         const std::string& path);

  // Whether the file holds the token, in the same time for any.
  bool Holds(const TokenDigest& token) const;

  // Reads the file again; true if it holds other tokens than before. On an error, which is as
  // Open's, the former tokens stay good.
  absl::StatusOr<bool> Reload();

  const std::string& path() const { return path_; }

 private:
  TokenFile(absl::string_view key, std::string path) : key_(key), path_(std::move(path)) {}
  absl::StatusOr<std::vector<TokenDigest>> Read() const;

  const std::string key_;
  const std::string path_;
  mutable Mutex mutex_;
  std::vector<TokenDigest> digests_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace eldr

#endif  // ELDR_SERVER_AUTH_TOKEN_FILE_H_

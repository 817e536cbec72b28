// The bearer token that calls carry.
#ifndef ELDR_CLIENT_SRC_TOKEN_SOURCE_H_
#define ELDR_CLIENT_SRC_TOKEN_SOURCE_H_

#include <grpcpp/client_context.h>

#include <ctime>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace eldr::client::internal {

// Reads the token from its file, again when the file has changed, so that a token can be replaced
// under a running client. Thread-safe.
class TokenSource {
 public:
  // An empty path: calls carry no token.
  explicit TokenSource(std::string path) : path_(std::move(path)) {}

  // UNAUTHENTICATED, naming the file, if it cannot be read or holds no token; never shows a token.
  absl::Status Check();
  // Adds the token to a call. While the file is not usable the last one that was read serves.
  void AddTo(grpc::ClientContext& context);

 private:
  absl::Status Refresh() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  absl::Mutex mutex_;
  std::string authorization_ ABSL_GUARDED_BY(mutex_);  // "Bearer TOKEN"
  // Of the file that was read last, so that a call costs a stat and no more.
  timespec changed_ ABSL_GUARDED_BY(mutex_){};
  unsigned long inode_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace eldr::client::internal

#endif  // ELDR_CLIENT_SRC_TOKEN_SOURCE_H_

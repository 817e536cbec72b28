#include "client/src/token_source.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace eldr::client::internal {
namespace {

constexpr std::size_t kMaxTokenBytes = 4096;
constexpr off_t kMaxFileBytes = 64 << 10;  // with the comments

}  // namespace

absl::Status TokenSource::Check() {
  if (path_.empty()) return absl::OkStatus();
  absl::MutexLock lock(&mutex_);
  return Refresh();
}

void TokenSource::AddTo(grpc::ClientContext& context) {
  if (path_.empty()) return;
  absl::MutexLock lock(&mutex_);
  // A token that cannot be replaced may still be good; the daemon says if it is not.
  Refresh().IgnoreError();
  context.AddMetadata("authorization", authorization_);
}

absl::Status TokenSource::Refresh() {
  const auto refuse = [this](absl::string_view got) {
    return absl::UnauthenticatedError(
        absl::StrCat("token file ", path_, ": got ", got, ", expected a token in its first line"));
  };
  struct stat file;
  if (stat(path_.c_str(), &file) != 0) {
    return refuse(absl::StrCat("a file that cannot be read: ", std::strerror(errno)));
  }
  if (!authorization_.empty() && file.st_mtim.tv_sec == changed_.tv_sec &&
      file.st_mtim.tv_nsec == changed_.tv_nsec && file.st_ino == inode_) {
    return absl::OkStatus();
  }
  // To open a pipe waits for whoever writes to it, and a call must not.
  if (!S_ISREG(file.st_mode)) return refuse("a folder, pipe or device");
  if (file.st_size > kMaxFileBytes) return refuse(absl::StrCat(file.st_size, " bytes"));
  errno = 0;
  std::ifstream stream(path_);
  std::string token;
  // As the daemon reads such files: empty lines and comments are skipped.
  while (std::getline(stream, token)) {
    absl::StripAsciiWhitespace(&token);
    if (!token.empty() && token.front() != '#') break;
    token.clear();
  }
  if (!stream.is_open() || stream.bad()) {
    return refuse(absl::StrCat("a file that cannot be read: ", std::strerror(errno)));
  }
  if (token.empty()) return refuse("none");
  const bool printable = std::all_of(token.begin(), token.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c));
  });
  if (!printable || token.size() > kMaxTokenBytes) return refuse("another text");
  authorization_ = absl::StrCat("Bearer ", token);
  changed_ = file.st_mtim;
  inode_ = file.st_ino;
  return absl::OkStatus();
}

}  // namespace eldr::client::internal

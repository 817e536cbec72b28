#include "server/base/unix_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace eldr {
namespace {

absl::StatusOr<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::UnavailableError(absl::StrCat(
        "got a path of ", path.size(), " bytes, expected at most ", sizeof(address.sun_path) - 1));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

UniqueFd NewSocket() {
  return UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

// Held while a file of the folder is looked at and replaced. A lock on the folder itself leaves
// nothing behind. Somebody else may hold one for other reasons: then it is done without.
class FolderLock {
 public:
  explicit FolderLock(const std::string& path) {
    const auto slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    folder_ = UniqueFd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (int i = 0; i < 100 && folder_.open(); ++i) {
      if (flock(folder_.get(), LOCK_EX | LOCK_NB) == 0) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

 private:
  UniqueFd folder_;  // the lock goes with it
};

// OK if the file that stands at the path may be replaced.
absl::Status CheckLeftBehind(const std::string& path, const sockaddr_un& address) {
  struct stat file {};
  if (lstat(path.c_str(), &file) != 0) return absl::OkStatus();  // gone meanwhile
  if (!S_ISSOCK(file.st_mode)) {
    return absl::UnavailableError("a file that is no socket stands there");
  }
  const UniqueFd probe = NewSocket();
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
      errno == EAGAIN) {
    return absl::UnavailableError("another process serves it; stop that one, or use another path");
  }
  if (errno == ECONNREFUSED || errno == ENOENT) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("whether another process serves it cannot be told: ", strerror(errno)));
}

}  // namespace

absl::StatusOr<UnixSocket> UnixSocket::Listen(const std::string& path) {
  sockaddr_un address{};
  ELDR_ASSIGN_OR_RETURN(address, AddressOf(path));
  UnixSocket self(path, NewSocket());
  const auto bind_it = [&] {
    return bind(self.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  };
  const FolderLock lock(path);
  bool bound = bind_it();
  if (!bound && errno == EADDRINUSE) {
    ELDR_RETURN_IF_ERROR(CheckLeftBehind(path, address));
    unlink(path.c_str());
    bound = bind_it();
  }
  if (!bound) return absl::UnavailableError(strerror(errno));
  struct stat file {};
  if (stat(path.c_str(), &file) == 0) {
    self.device_ = file.st_dev;
    self.inode_ = file.st_ino;
  }
  if (listen(self.fd(), kListenBacklog) != 0) return absl::UnavailableError(strerror(errno));
  return self;
}

UnixSocket::~UnixSocket() {
  if (!socket_.open() || inode_ == 0) return;
  const FolderLock lock(path_);
  struct stat file {};
  if (lstat(path_.c_str(), &file) == 0 && file.st_dev == device_ && file.st_ino == inode_) {
    unlink(path_.c_str());
  }
}

}  // namespace eldr

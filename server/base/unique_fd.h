// An open file that closes with its owner.
#ifndef ELDR_SERVER_BASE_UNIQUE_FD_H_
#define ELDR_SERVER_BASE_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace eldr {

class UniqueFd {
 public:
  UniqueFd() = default;
  // Negative: none, as system calls answer when they fail.
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd() {
    if (fd_ >= 0) close(fd_);
  }

  bool open() const { return fd_ >= 0; }
  int get() const { return fd_; }
  // The caller closes it.
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_UNIQUE_FD_H_

// Wakes a thread that waits in poll().
#ifndef ELDR_SERVER_BASE_WAKE_UP_H_
#define ELDR_SERVER_BASE_WAKE_UP_H_

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "server/base/unique_fd.h"

namespace eldr {

// Thread-safe.
class WakeUp {
 public:
  WakeUp() : event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

  // Readable from Wake() to Clear().
  int fd() const { return event_.get(); }
  void Wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(event_.get(), &one, sizeof(one));
  }
  void Clear() const {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = read(event_.get(), &count, sizeof(count));
  }

 private:
  const UniqueFd event_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_WAKE_UP_H_

#include "server/base/log_output.h"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace eldr {
namespace {

constexpr int kPatienceMs = 100;

}  // namespace

LogOutput::Result FileOutput::Write(absl::string_view line) {
  while (done_ < line.size()) {
    // A pipe that can be written to takes this much without blocking.
    const absl::string_view part = line.substr(done_, PIPE_BUF);
    pollfd writable = {file_, POLLOUT, 0};
    if (poll(&writable, 1, kPatienceMs) == 0) return Result::kLater;
    const ssize_t written = write(file_, part.data(), part.size());
    if (written > 0) {
      done_ += static_cast<std::size_t>(written);
      continue;
    }
    if (errno == EAGAIN || errno == EINTR) return Result::kLater;
    done_ = 0;
    return Result::kLost;
  }
  done_ = 0;
  return Result::kWritten;
}

}  // namespace eldr

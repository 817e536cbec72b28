#include "server/base/file_limit.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

namespace eldr {
namespace {

constexpr std::size_t kMostHttpConnections = 2048;
constexpr std::size_t kMostKeptFree = kMostHttpConnections + 256;

}  // namespace

void RaiseOpenFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void KeepStandardFiles() {
  int file = 0;
  do {
    file = open("/dev/null", O_RDWR);
  } while (file >= 0 && file <= 2);
  if (file > 2) close(file);
}

std::size_t OpenFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return std::numeric_limits<int>::max();
  }
  return std::min<std::size_t>(limit.rlim_cur, std::numeric_limits<int>::max());
}

std::size_t HttpConnectionLimit() {
  return std::clamp<std::size_t>(OpenFileLimit() / 8, 4, kMostHttpConnections);
}

int FirstFileKeptFree() {
  const std::size_t limit = OpenFileLimit();
  return static_cast<int>(limit - std::min(limit / 4, kMostKeptFree));
}

}  // namespace eldr

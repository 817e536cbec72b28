// How often a thing may be said.
#ifndef ELDR_SERVER_BASE_LINE_LIMIT_H_
#define ELDR_SERVER_BASE_LINE_LIMIT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "core/base/clock.h"

namespace eldr {

// Counts lines by key in windows of a second, each of which begins with a line. Not thread-safe.
class LineLimit {
 public:
  // Whether one more line of the key may be written. The keys must be few: there is one for each
  // kind of line, none for what a caller names.
  bool Take(absl::string_view key, std::uint64_t per_second, MonotonicTime now);

  // By key, how many lines were left out in windows that are over; each is told once.
  std::vector<std::pair<std::string, std::uint64_t>> TakeLeftOut(MonotonicTime now);

 private:
  struct Window {
    MonotonicTime start;
    std::uint64_t lines = 0;
    std::uint64_t left_out = 0;
    std::uint64_t untold = 0;  // left out in former windows
  };
  absl::flat_hash_map<std::string, Window> windows_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_LINE_LIMIT_H_

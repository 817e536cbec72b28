#include "server/base/line_limit.h"

#include <algorithm>
#include <utility>

namespace eldr {
namespace {

constexpr absl::Duration kWindow = absl::Seconds(1);

}  // namespace

bool LineLimit::Take(absl::string_view key, std::uint64_t per_second, MonotonicTime now) {
  auto found = windows_.find(key);
  if (found == windows_.end()) found = windows_.try_emplace(std::string(key), Window{now}).first;
  Window& window = found->second;
  if (now - window.start >= kWindow) {
    window.start = now;
    window.lines = 0;
    window.untold += std::exchange(window.left_out, 0);
  }
  if (window.lines == per_second) {
    ++window.left_out;
    return false;
  }
  ++window.lines;
  return true;
}

std::vector<std::pair<std::string, std::uint64_t>> LineLimit::TakeLeftOut(MonotonicTime now) {
  std::vector<std::pair<std::string, std::uint64_t>> told;
  for (auto& [key, window] : windows_) {
    if (now - window.start >= kWindow) window.untold += std::exchange(window.left_out, 0);
    if (window.untold > 0) told.emplace_back(key, std::exchange(window.untold, 0));
  }
  absl::erase_if(windows_,
                 [now](const auto& entry) { return now - entry.second.start >= kWindow; });
  std::sort(told.begin(), told.end());
  return told;
}

}  // namespace eldr

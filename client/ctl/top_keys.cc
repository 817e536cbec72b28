// What the keys of `eldrctl top` do.
#include <algorithm>

#include "client/ctl/terminal.h"
#include "client/ctl/top_view.h"

namespace eldr::ctl {
namespace {

constexpr int kEnter = '\r';
constexpr int kEscape = 27;
constexpr int kBackspace = 127;
constexpr int kControlH = 8;
constexpr std::size_t kMostFilter = 256;

void EditFilter(int key, TopState& state) {
  if (key == kEnter || key == '\n') {
    state.editing = false;
  } else if (key == kEscape) {
    state.editing = false;
    state.filter.clear();
  } else if (key == kBackspace || key == kControlH) {
    // A whole character of UTF-8.
    while (!state.filter.empty() && (state.filter.back() & 0xC0) == 0x80) state.filter.pop_back();
    if (!state.filter.empty()) state.filter.pop_back();
  } else if (key >= ' ' && key < 256 && state.filter.size() < kMostFilter) {
    state.filter += static_cast<char>(key);
  }
}

void SortBy(TopSort sort, TopState& state) {
  state.reverse = state.sort == sort && !state.reverse;
  state.sort = sort;
  state.first = 0;
}

void Scroll(int key, std::size_t rows, TopState& state) {
  const std::size_t step = key == Terminal::kPageUp || key == Terminal::kPageDown ? rows : 1;
  if (key == Terminal::kDown || key == Terminal::kPageDown) {
    state.first += step;  // DrawTop() knows the end
  } else {
    state.first -= std::min(state.first, step);
  }
}

}  // namespace

bool TakeKey(int key, std::size_t rows, TopState& state) {
  if (key == Terminal::kEnd) return false;
  if (key >= Terminal::kUp && key <= Terminal::kPageDown) {
    Scroll(key, rows, state);
    return true;
  }
  if (key == Terminal::kResized) return true;
  if (state.editing) {
    EditFilter(key, state);
    return true;
  }
  switch (key) {
    case 'q':
      return false;
    case 'n':
      SortBy(TopSort::kNode, state);
      break;
    case 'l':
      SortBy(TopSort::kLoad, state);
      break;
    case 'k':
      SortBy(TopSort::kKv, state);
      break;
    case 's':
      SortBy(TopSort::kStep, state);
      break;
    case 'b':
      SortBy(TopSort::kHeartbeat, state);
      break;
    case 'e':
      SortBy(TopSort::kExperts, state);
      break;
    case 'r':
      state.reverse = !state.reverse;
      break;
    case '/':
      state.editing = true;
      break;
    case kEscape:
      state.filter.clear();
      break;
    case '?':
    case 'h':
      state.help = !state.help;
      break;
    default:
      break;
  }
  return true;
}

}  // namespace eldr::ctl

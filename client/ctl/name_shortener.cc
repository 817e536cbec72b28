#include "client/ctl/name_shortener.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace eldr::ctl {
namespace {

bool Separates(char c) { return absl::StrContains("-._:/ ", absl::string_view(&c, 1)); }

// How many bytes two names have in common, from either end.
std::size_t CommonHead(absl::string_view a, absl::string_view b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first -
                                  a.begin());
}

std::size_t CommonTail(absl::string_view a, absl::string_view b) {
  return static_cast<std::size_t>(std::mismatch(a.rbegin(), a.rend(), b.rbegin(), b.rend()).first -
                                  a.rbegin());
}

}  // namespace

NameShortener::NameShortener(const std::vector<absl::string_view>& names, std::size_t width)
    : width_(width) {
  absl::string_view first;
  std::size_t least = 0;
  std::size_t longs = 0;
  for (const absl::string_view name : names) {
    if (name.size() <= width_) continue;
    if (longs++ == 0) {
      first = name;
      head_ = tail_ = least = name.size();
      continue;
    }
    head_ = std::min(head_, CommonHead(first, name));
    tail_ = std::min(tail_, CommonTail(first, name));
    least = std::min(least, name.size());
  }
  if (longs < 2) head_ = tail_ = 0;
  tail_ = std::min(tail_, least - std::min(least, head_));
  if (tail_ < 2) tail_ = 0;
  // `node-10` and `node-11` differ in a digit, but are told apart by a number.
  while (head_ > 0 && !Separates(first[head_ - 1])) --head_;
}

std::string NameShortener::Shorten(absl::string_view name) const {
  if (name.size() <= width_) return std::string(name);
  const bool cut_tail = tail_ > 0 && name.size() > head_ + tail_;
  const std::size_t end = cut_tail ? name.size() - tail_ : name.size();
  // As many whole words of what comes before as there is room for; of what is too long itself both
  // ends.
  const std::size_t room = width_ - (cut_tail ? 1 : 0);
  if (end <= room) return absl::StrCat(name.substr(0, end), "~");
  std::size_t start = std::min(head_, end - (room - 1));
  while (start > 0 && start < head_ && !Separates(name[start - 1])) ++start;
  const absl::string_view own = name.substr(start, end - start);
  const std::size_t own_room = room - (start > 0 ? 1 : 0);
  std::string shown = start > 0 ? "~" : "";
  if (own.size() <= own_room) {
    absl::StrAppend(&shown, own);
  } else {
    const std::size_t front = (own_room - 1) / 3;
    absl::StrAppend(&shown, own.substr(0, front), "~",
                    own.substr(own.size() - (own_room - 1 - front)));
  }
  if (cut_tail) shown += '~';
  return shown;
}

}  // namespace eldr::ctl

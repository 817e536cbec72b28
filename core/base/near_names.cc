#include "core/base/near_names.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace eldr {
namespace {

constexpr std::size_t kMostEdits = 3;
constexpr std::size_t kMostShown = 3;

bool SameLetter(char a, char b) {
  return absl::ascii_tolower(static_cast<unsigned char>(a)) ==
         absl::ascii_tolower(static_cast<unsigned char>(b));
}

// What follows the last '/', as in "organisation/model".
absl::string_view LastPart(absl::string_view name) {
  const std::size_t slash = name.rfind('/');
  return slash == absl::string_view::npos ? name : name.substr(slash + 1);
}

std::size_t MostEdits(absl::string_view a, absl::string_view b) {
  return std::min(kMostEdits, std::max(a.size(), b.size()) / 3);
}

}  // namespace

std::size_t EditDistance(absl::string_view a, absl::string_view b, std::size_t limit) {
  const std::size_t gap = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (gap > limit || b.size() > kMaxNearNameBytes) return limit + 1;
  // Three rows of the table of distances between beginnings of a and of b: two rows ago, one, now.
  using Row = std::array<std::size_t, kMaxNearNameBytes + 1>;
  Row before{}, last{}, now{};
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = last[j - 1] + (SameLetter(a[i - 1], b[j - 1]) ? 0 : 1);
      now[j] = std::min({replace, last[j] + 1, now[j - 1] + 1});
      if (i > 1 && j > 1 && SameLetter(a[i - 1], b[j - 2]) && SameLetter(a[i - 2], b[j - 1])) {
        now[j] = std::min(now[j], before[j - 2] + 1);
      }
    }
    before = last;
    last = now;
  }
  return std::min(last[b.size()], limit + 1);
}

bool AreNearNames(absl::string_view a, absl::string_view b) {
  if (a.size() > kMaxNearNameBytes || b.size() > kMaxNearNameBytes) return false;
  if (!LastPart(a).empty() && absl::EqualsIgnoreCase(LastPart(a), LastPart(b))) return true;
  const std::size_t most = MostEdits(a, b);
  return EditDistance(a, b, most) <= most;
}

std::string DescribeNearNames(absl::string_view name, const std::vector<std::string>& names) {
  std::vector<std::pair<std::size_t, absl::string_view>> near;
  for (const std::string& other : names) {
    if (AreNearNames(name, other)) near.emplace_back(EditDistance(name, other, kMostEdits), other);
  }
  std::sort(near.begin(), near.end());
  if (near.size() > kMostShown) near.resize(kMostShown);
  std::string text;
  for (const auto& [distance, other] : near) {
    absl::StrAppend(&text, text.empty() ? " (near it: \"" : ", \"", other, "\"");
  }
  return text.empty() ? text : text + ")";
}

}  // namespace eldr

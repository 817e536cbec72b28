#include "client/ctl/config_diff.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace eldr::ctl {
namespace {

using Keys = std::vector<std::pair<std::string, std::string>>;  // path and value, as they come

// The keys of models get the model's name: models["m"].kappa.
Keys Flatten(absl::string_view printed) {
  Keys keys;
  std::vector<std::string> path;
  for (absl::string_view line : absl::StrSplit(printed, '\n', absl::SkipWhitespace())) {
    const std::size_t indent = line.find_first_not_of(' ');
    std::size_t depth = indent / 2;
    line.remove_prefix(indent);
    const bool item = absl::ConsumePrefix(&line, "- ");
    const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(": ", 1));
    path.resize(std::min(path.size(), depth));
    if (item) path.push_back(absl::StrCat("[", parts.back(), "]"));
    const std::string key(absl::StripSuffix(parts[0], ":"));
    if (parts.size() < 2) {
      path.push_back(key);
      continue;
    }
    const std::string parent = absl::StrJoin(path, ".");
    keys.emplace_back(absl::StrCat(parent, parent.empty() ? "" : ".", key), parts[1]);
  }
  return keys;
}

const std::string* Find(const Keys& keys, const std::string& path) {
  const auto found = std::find_if(keys.begin(), keys.end(),
                                  [&](const auto& entry) { return entry.first == path; });
  return found == keys.end() ? nullptr : &found->second;
}

}  // namespace

std::vector<std::string> DiffPrintedConfigs(absl::string_view before, absl::string_view after) {
  const Keys old_keys = Flatten(before), new_keys = Flatten(after);
  std::vector<std::string> lines;
  for (const auto& [path, value] : old_keys) {
    const std::string* const now = Find(new_keys, path);
    if (now == nullptr || *now != value) {
      lines.push_back(absl::StrCat(path, ": ", value, " -> ", now == nullptr ? "-" : *now));
    }
  }
  for (const auto& [path, value] : new_keys) {
    if (Find(old_keys, path) == nullptr) lines.push_back(absl::StrCat(path, ": - -> ", value));
  }
  return lines;
}

}  // namespace eldr::ctl

#include "client/ctl/name_shortener.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace eldr::ctl {
namespace {

std::vector<std::string> Made(const std::string& head, const std::string& tail, int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(absl::StrCat(head, i, tail));
  return names;
}

std::vector<std::string> Shown(const std::vector<std::string>& names, std::size_t width) {
  const NameShortener shortener({names.begin(), names.end()}, width);
  std::vector<std::string> shown;
  for (const std::string& name : names) shown.push_back(shortener.Shorten(name));
  return shown;
}

TEST(NameShortenerTest, NamesOfAFleetStayApartWhateverTheyBeginAndEndWith) {
  const std::string pool = "vllm-decode-qwen3-pool-eu-central-1c-rack-017-host-";
  const std::string domain = ".inference.svc.cluster.local:8000";
  std::vector<std::string> mixed = Made(pool, domain, 300);
  mixed.push_back("d0");
  for (const std::vector<std::string>& names :
       {Made(pool, "", 1024), Made("", domain, 1024), Made(pool, domain, 1024), mixed}) {
    for (const std::size_t width : {8u, 15u, 24u, 40u}) {
      const std::vector<std::string> shown = Shown(names, width);
      EXPECT_EQ(std::set<std::string>(shown.begin(), shown.end()).size(), names.size())
          << width << ": " << shown.front();
      for (const std::string& one : shown) EXPECT_LE(one.size(), width) << one;
    }
  }
}

TEST(NameShortenerTest, ShowsWhatTellsThemApartAndSaysWhatIsLeftOut) {
  EXPECT_EQ(Shown(Made("load-8471-33909573-node-", "", 12), 15)[11], "~node-11");
  EXPECT_EQ(Shown(Made("node-", "", 12), 15)[11], "node-11");
  EXPECT_EQ(Shown(Made("", ".inference.svc.cluster.local", 12), 15)[11], "11~");
  EXPECT_EQ(Shown({std::string(30, 'a') + std::string(30, 'z')}, 10)[0], "aaa~zzzzzz");
}

TEST(NameShortenerTest, OneNameThatIsTheBeginningOfAnotherStaysApartFromIt) {
  const std::string name(40, 'n');
  const std::vector<std::string> shown = Shown({name + "-1", name + "-1-1", name + "-11"}, 12);
  EXPECT_EQ(std::set<std::string>(shown.begin(), shown.end()).size(), 3U);
}

}  // namespace
}  // namespace eldr::ctl

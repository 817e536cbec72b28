// Whatever a limit refuses names a key that an operator can raise.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/limit_exceeded.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/config/config.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::Contains;

// The first argument, as it stands in the sources, of each call that makes such a refusal.
std::set<std::string> LimitsInSources() {
  const std::filesystem::path root(std::getenv("ELDR_SOURCE_DIR"));
  const std::regex call(R"re((?:LimitExceeded|Refuse)\(\s*"(\w+)",)re");
  std::set<std::string> limits;
  for (const char* const folder : {"core", "server/rpc", "server/service"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      if (entry.path().extension() != ".cc") continue;
      std::ostringstream text;
      text << std::ifstream(entry.path()).rdbuf();
      const std::string source = text.str();
      for (std::sregex_iterator it(source.begin(), source.end(), call), end; it != end; ++it) {
        limits.insert((*it)[1]);
      }
    }
  }
  return limits;
}

TEST(LimitKeysTest, EveryLimitIsAKeyOfTheConfiguration) {
  const std::vector<std::string> keys = ConfigKeys();
  const std::set<std::string> limits = LimitsInSources();
  EXPECT_GE(limits.size(), 10u) << "they are not found any more";
  for (const std::string& limit : limits) {
    EXPECT_THAT(keys, Contains(absl::StrCat("limits.", limit)));
  }
}

TEST(LimitKeysTest, AMessageBeginsWithItsKey) {
  const absl::Status status = LimitExceeded("models", "64 models are declared, the limit");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted,
                               "limits.models: 64 models are declared, the limit"));
  EXPECT_EQ(LimitOf(status), "models");
  // What nodes registered is no key.
  const absl::Status full = NodeCapacityExceeded("full");
  EXPECT_THAT(full, StatusIs(absl::StatusCode::kResourceExhausted, "full"));
  EXPECT_EQ(LimitOf(full), "node_capacity");
  EXPECT_EQ(LimitOf(absl::ResourceExhaustedError("limits.models")), "");
}

}  // namespace
}  // namespace eldr

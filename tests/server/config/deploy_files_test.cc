// What deploy/ sets up fits the daemon, and docs/operations.md.
#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/config/config.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string PathOf(absl::string_view path) {
  return absl::StrCat(std::getenv("ELDR_SOURCE_DIR"), "/", path);
}

std::string TextOf(absl::string_view path) {
  std::ostringstream text;
  text << std::ifstream(PathOf(path)).rdbuf();
  return text.str();
}

// The seconds that stand after `key` in a text.
absl::Duration Grace(const std::string& text, const std::string& key) {
  std::smatch match;
  if (!std::regex_search(text, match, std::regex(key + ": (\\d+)"))) return absl::ZeroDuration();
  int seconds = 0;
  EXPECT_TRUE(absl::SimpleAtoi(match[1].str(), &seconds));
  return absl::Seconds(seconds);
}

// The configuration within the ConfigMap: the indented block after "eldrd.yaml: |".
std::string KubernetesConfig() {
  std::string config;
  bool inside = false;
  for (const absl::string_view line :
       absl::StrSplit(TextOf("deploy/kubernetes/eldrd.yaml"), '\n')) {
    if (absl::EndsWith(line, "eldrd.yaml: |")) {
      inside = true;
    } else if (inside && !absl::StartsWith(line, "    ")) {
      break;
    } else if (inside) {
      absl::StrAppend(&config, line.substr(4), "\n");
    }
  }
  return config;
}

TEST(DeployFilesTest, ConfigurationsAreValidAndListenOnEveryKindOfNetwork) {
  for (const auto& config : {LoadConfig(PathOf("deploy/compose/eldrd.yaml")),
                             ParseConfig(KubernetesConfig(), "deploy/kubernetes/eldrd.yaml")}) {
    ASSERT_THAT(config, IsOk());
    EXPECT_THAT(config->grpc.listen, ElementsAre("[::]:9002"));
    EXPECT_EQ(config->http.listen, "[::]:9090");
    EXPECT_THAT(config->state.directory, HasSubstr("/var/lib/eldr"));
  }
}

TEST(DeployFilesTest, GracePeriodsAreLongerThanAGracefulStop) {
  const auto compose = LoadConfig(PathOf("deploy/compose/eldrd.yaml"));
  ASSERT_THAT(compose, IsOk());
  EXPECT_GT(Grace(TextOf("deploy/compose/compose.yaml"), "stop_grace_period"),
            compose->shutdown_delay + compose->drain_timeout);
  const auto kubernetes = ParseConfig(KubernetesConfig(), "f");
  ASSERT_THAT(kubernetes, IsOk());
  EXPECT_GT(Grace(TextOf("deploy/kubernetes/eldrd.yaml"), "terminationGracePeriodSeconds"),
            kubernetes->shutdown_delay + kubernetes->drain_timeout);
}

TEST(DeployFilesTest, SayTheSameAsTheDocumentsAndTheImage) {
  const std::string kubernetes = TextOf("deploy/kubernetes/eldrd.yaml");
  const std::string operations = TextOf("docs/operations.md");
  for (const char* const setting :
       {"fsGroup: 65532", "StatefulSet", "terminationGracePeriodSeconds: 40", "ReadWriteOncePod",
        "fsGroupChangePolicy: OnRootMismatch"}) {
    EXPECT_THAT(kubernetes, HasSubstr(setting));
    EXPECT_THAT(operations, HasSubstr(setting));
  }
  EXPECT_THAT(kubernetes, HasSubstr("replicas: 1\n"));
  EXPECT_THAT(operations, HasSubstr("one replica"));
  EXPECT_THAT(TextOf("deploy/compose/compose.yaml"), HasSubstr("stop_grace_period: 40s"));
  EXPECT_THAT(operations, HasSubstr("stop_grace_period: 40s"));
  EXPECT_THAT(TextOf("Dockerfile"), HasSubstr("USER 65532:65532"));
}

}  // namespace
}  // namespace eldr

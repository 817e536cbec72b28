#include "server/config/config.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string SourceFile(const std::string& path) {
  return absl::StrCat(std::getenv("ELDR_SOURCE_DIR"), "/", path);
}

TEST(ConfigTest, NothingMeansTheDefaults) {
  for (const char* const text : {"", "# nothing\n", "---\n", "{}\n"}) {
    const auto config = ParseConfig(text, "f.yaml");
    ASSERT_THAT(config, IsOk());
    EXPECT_EQ(PrintConfig(*config), PrintConfig(Config{}));
  }
  EXPECT_THAT(LoadConfig(""), IsOk());
}

TEST(ConfigTest, TheCommentedFileShowsEveryKeyWithItsDefault) {
  const auto config = LoadConfig(SourceFile("config/eldrd.yaml"));
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(PrintConfig(*config), PrintConfig(Config{}));

  // Equal values could be left out of the file, so each key is looked for.
  std::ifstream file(SourceFile("config/eldrd.yaml"));
  std::ostringstream text;
  text << file.rdbuf();
  for (const std::string& key : ConfigKeys()) {
    const std::string last = key.substr(key.rfind('.') + 1);
    EXPECT_THAT(text.str(), HasSubstr(absl::StrCat(last, ":"))) << key;
  }
}

TEST(ConfigTest, TheMinimalFileServesAModel) {
  const auto config = LoadConfig(SourceFile("config/eldrd.minimal.yaml"));
  ASSERT_THAT(config, IsOk());
  ASSERT_EQ(config->models.size(), 1u);
  EXPECT_EQ(config->models[0].geometry.layers, 48u);
}

TEST(ConfigTest, ReadsEveryKindOfValue) {
  const auto config = ParseConfig(R"(
grpc:
  listen: ["127.0.0.1:0", "unix:/run/eldrd.sock"]
  max_message_bytes: 8MiB
seed: 18446744073709551615
lease_ttl: 90s
max_kv_usage: 0.5
log: {level: debug, requests: true}
models:
- {name: a, layers: 2, experts: 4, top_k: 2, moe_hidden_layers: [1, 3], kappa: 8}
- {name: b, layers: 2, experts: 4, top_k: 2, policy: random, step_time: {base: 1ms}}
default_policy: {w: 2}
)",
                                  "f.yaml");
  ASSERT_THAT(config, IsOk());
  EXPECT_THAT(config->grpc.listen, ElementsAre("127.0.0.1:0", "unix:/run/eldrd.sock"));
  EXPECT_EQ(config->grpc.max_message_bytes, 8u << 20);
  EXPECT_EQ(config->router.seed, 18446744073709551615u);
  EXPECT_EQ(config->router.lease_ttl, absl::Seconds(90));
  EXPECT_EQ(config->router.max_kv_usage, 0.5);
  EXPECT_EQ(config->log.level, "debug");
  EXPECT_TRUE(config->log.requests);
  ASSERT_EQ(config->models.size(), 2u);
  EXPECT_THAT(config->models[0].geometry.moe_hidden_layers, ElementsAre(1, 3));
  EXPECT_EQ(config->models[0].settings.estimate.kappa, 8);
  EXPECT_EQ(config->models[0].settings.w, 2) << "models start from default_policy, wherever it is";
  EXPECT_EQ(config->models[1].settings.policy, "random");
  EXPECT_EQ(config->models[1].settings.step_time.base, absl::Milliseconds(1));
  EXPECT_EQ(config->models[1].settings.estimate.kappa, 2);

  // What is printed reads back as the same.
  const auto again = ParseConfig(PrintConfig(*config), "printed");
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(PrintConfig(*again), PrintConfig(*config));
}

TEST(ConfigTest, ReadsTheProfileThatALocalityBandNames) {
  const TempDir dir;
  std::ofstream(dir / "p.json") << R"({"L": 1, "e": 2, "centroids": [[1, 0], [0, 1]]})";
  const std::string model =
      "models:\n- {name: a, layers: 1, experts: 2, top_k: 1,\n"
      "   policy: locality_band, locality_band: {tau: 0.2, profile: ";
  const auto config = ParseConfig(absl::StrCat(model, dir / "p.json", "}}\n"), "f.yaml");
  ASSERT_THAT(config, IsOk());
  const LocalityBandSettings& band = config->models[0].settings.locality_band;
  ASSERT_NE(band.profile, nullptr);
  EXPECT_EQ(band.profile->centroids.size(), 2u);
  EXPECT_EQ(band.tau, 0.2);
  EXPECT_THAT(PrintConfig(*config), HasSubstr(absl::StrCat("profile: \"", dir / "p.json", "\"")));

  std::ofstream(dir / "bad.json") << R"({"L": 1, "e": 2, "centroids": [[1, 1]]})";
  EXPECT_THAT(ParseConfig(absl::StrCat(model, dir / "bad.json", "}}\n"), "f.yaml"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(StartsWith("f.yaml:3: models[0].locality_band.profile: got \""),
                             HasSubstr("centroids"))));
  EXPECT_THAT(ParseConfig("default_policy: {locality_band: {profile: /nowhere}}", "f.yaml"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       StartsWith("f.yaml:1: default_policy.locality_band.profile: got")));
  EXPECT_THAT(ParseConfig(absl::StrCat("models:\n- {name: a, layers: 3, experts: 2, top_k: 1,\n"
                                       "   policy: locality_band, locality_band: {profile: ",
                                       dir / "p.json", "}}\n"),
                          "f.yaml"),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("f.yaml:2: models[0]: ")));
}

TEST(ConfigTest, OneAddressNeedsNoList) {
  const auto config = ParseConfig("grpc: {listen: \"[::1]:7\"}", "f.yaml");
  ASSERT_THAT(config, IsOk());
  EXPECT_THAT(config->grpc.listen, ElementsAre("[::1]:7"));
}

struct BadFile {
  const char* yaml;
  const char* message;  // begins so
};

TEST(ConfigTest, RefusesBadFilesWithTheLineAndWhatIsAllowed) {
  const BadFile bad_files[] = {
      {"seed: 1\nlisten: x\n",
       "f.yaml:2: listen: got an unknown key, expected one of grpc, http, seed"},
      {"grpc:\n  insecure: false\n  lisen: x\n",
       "f.yaml:3: grpc.lisen: got an unknown key, expected one of listen, insecure"},
      {"default_policy:\n  step_time:\n    bass: 1ms\n",
       "f.yaml:3: default_policy.step_time.bass: got an unknown key, expected one of base,"},
      {"grpc: 7\n", "f.yaml:1: grpc: got \"7\", expected a section with listen"},
      {"grpc:\n", "f.yaml:1: grpc: got nothing, expected a section"},
      {"seed: -1\n", "f.yaml:1: seed: got \"-1\", expected a whole number"},
      {"seed: [1]\n", "f.yaml:1: seed: got a list, expected a whole number"},
      {"\nseed:\nlease_ttl: 10m\n", "f.yaml:2: seed: got nothing, expected a whole number"},
      {"seed: 1\nseed: 2\n", "f.yaml:2: seed: got the key a second time, expected it once"},
      {"lease_ttl: 10\n", "f.yaml:1: lease_ttl: got \"10\", expected a duration of 1s to 1h"},
      {"lease_ttl: 2h\n", "f.yaml:1: lease_ttl: got \"2h\", expected a duration of 1s to 1h"},
      {"signature_store_bytes: 1KiB\n",
       "f.yaml:1: signature_store_bytes: got \"1KiB\", expected a size of 1MiB to 1TiB"},
      {"max_kv_usage: 0\n", "f.yaml:1: max_kv_usage: got \"0\", expected a number greater than 0"},
      {"max_kv_usage: nan\n", "f.yaml:1: max_kv_usage: got \"nan\", expected a number"},
      {"http: {insecure: yes}\n", "f.yaml:1: http.insecure: got \"yes\", expected true or false"},
      {"log:\n  level: loud\n", "f.yaml:2: log.level: got \"loud\", expected one of debug, info"},
      {"default_policy: {policy: best}\n",
       "f.yaml:1: default_policy.policy: got \"best\", expected one of residency,"},
      {"default_policy: {shadow_policy: best}\n",
       "f.yaml:1: default_policy.shadow_policy: got \"best\", expected nothing or one of "
       "residency,"},
      {"default_policy:\n  locality_band: {tau: 3}\n",
       "f.yaml:2: default_policy.locality_band.tau: got \"3\", expected a number of 0 to 2"},
      {"capture:\n  share: 0\n", "f.yaml:2: capture.share: got \"0\", expected a number greater"},
      {"default_policy: {p_max: 0.99}\n",
       "f.yaml:1: default_policy.p_max: got \"0.99\", expected a number greater than 0, at most"},
      {"grpc: {listen: []}\n", "f.yaml:1: grpc.listen: got [], expected an address"},
      {"grpc: {listen: \"9002\"}\n", "f.yaml:1: grpc.listen: got \"9002\", expected HOST:PORT"},
      {"http: {listen: \"unix:/x\"}\n",
       "f.yaml:1: http.listen: got \"unix:/x\", expected HOST:PORT"},
      {"- a\n", "f.yaml:1: (top): got a list, expected keys and values"},
      {"seed: 1\n  seed: 2\n", "f.yaml:2: got text that is not YAML"},
      {"models: 3\n", "f.yaml:1: models: got \"3\", expected a list of models"},
      {"models:\n- a\n", "f.yaml:2: models[0]: got \"a\", expected a model with name"},
      {"models:\n- {name: a, layers: 2, experts: 4}\n",
       "f.yaml:2: models[0].top_k: got nothing, expected a whole number"},
      {"models:\n- name: a\n  layer: 2\n",
       "f.yaml:3: models[0].layer: got an unknown key, expected one of name, layers"},
      {"models:\n- {name: a, layers: 2, experts: 4, top_k: 5}\n",
       "f.yaml:2: models[0]: geometry.top_k: got 5, expected 1 to 4"},
      {"models:\n- {name: \"\", layers: 2, experts: 4, top_k: 2}\n",
       "f.yaml:2: models[0].name: got \"\", expected a name of 1 to 256 bytes"},
      {"models:\n- {name: a, layers: 2, experts: 4, top_k: 2}\n"
       "- {name: a, layers: 2, experts: 4, top_k: 2}\n",
       "f.yaml:3: models[1].name: got \"a\" a second time"},
      {"models:\n- {name: a, layers: 2, experts: 4, top_k: 2, moe_hidden_layers: [3, 3]}\n",
       "f.yaml:2: models[0].moe_hidden_layers: got \"3\", expected a list of ascending"},
  };
  for (const BadFile& bad : bad_files) {
    EXPECT_THAT(ParseConfig(bad.yaml, "f.yaml"),
                StatusIs(absl::StatusCode::kInvalidArgument, StartsWith(bad.message)))
        << bad.yaml;
  }
}

TEST(ConfigTest, PrintsTextThatReadsBackWhateverIsInIt) {
  const auto config = ParseConfig(
      R"(models: [{name: "it's \"a\" \\ \0\n\x7f\x80\u0085\L\P\uFEFF \u00e9\U0001F600", layers: 2, experts: 8, top_k: 2}])",
      "f.yaml");
  ASSERT_THAT(config, IsOk());
  const auto again = ParseConfig(PrintConfig(*config), "printed.yaml");
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->models.at(0).name, config->models.at(0).name);
}

TEST(ConfigTest, ShowsLittleOfALongValueAndNoControlCharacters) {
  // YAML has no keys of more than 1,024 characters.
  for (const std::string& yaml : {absl::StrCat("seed: ", std::string(100'000, 'x'), "\n"),
                                  absl::StrCat(std::string(1000, 'x'), ": 1\n")}) {
    const auto config = ParseConfig(yaml, "f.yaml");
    EXPECT_THAT(config, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("xxx...")));
    EXPECT_LT(config.status().message().size(), 700u);
  }
  EXPECT_THAT(ParseConfig("seed: \"a\\e[2Jb\"\n", "f.yaml"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("got \"a\\033[2Jb\"")));
}

TEST(ConfigTest, PlaintextForOtherMachinesMustBeAskedFor) {
  EXPECT_THAT(ParseConfig("seed: 1\ngrpc:\n  listen: \"0.0.0.0:9002\"\n", "f.yaml"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(StartsWith("f.yaml:3: grpc.listen: got \"0.0.0.0:9002\""),
                             HasSubstr("grpc.insecure: true"))));
  EXPECT_THAT(ParseConfig("http: {listen: \"[::]:9090\"}\ngrpc: {insecure: true}\n", "f.yaml"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(StartsWith("f.yaml:1: http.listen: got \"[::]:9090\""),
                             HasSubstr("http.insecure: true"))));
  EXPECT_THAT(ParseConfig("grpc: {insecure: true, listen: \"0.0.0.0:9002\"}\n"
                          "http: {insecure: true, listen: \"0.0.0.0:9090\"}\n",
                          "f.yaml"),
              IsOk());
}

TEST(ConfigTest, FlagsOverrideTheFile) {
  const ConfigOverride overrides[] = {{"grpc.listen", "127.0.0.1:1", "--grpc-listen"},
                                      {"grpc.listen", "127.0.0.1:2", "--grpc-listen"},
                                      {"seed", "7", "--seed"}};
  const auto config = ParseConfig("seed: 1\ngrpc: {listen: \"127.0.0.1:9\"}", "f.yaml", overrides);
  ASSERT_THAT(config, IsOk());
  EXPECT_THAT(config->grpc.listen, ElementsAre("127.0.0.1:1", "127.0.0.1:2"));
  EXPECT_EQ(config->router.seed, 7u);
}

TEST(ConfigTest, ABadFlagIsNamed) {
  const ConfigOverride bad[] = {{"log.level", "loud", "--log-level"}};
  EXPECT_THAT(ParseConfig("", "", bad),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       StartsWith("--log-level: log.level: got \"loud\", expected one of")));
  const ConfigOverride open[] = {{"http.listen", "0.0.0.0:1", "--http-listen"}};
  EXPECT_THAT(ParseConfig("", "", open),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       StartsWith("--http-listen: http.listen: got \"0.0.0.0:1\"")));
}

TEST(ConfigTest, AFileThatCannotBeReadIsNamed) {
  EXPECT_THAT(LoadConfig("/nowhere/eldrd.yaml"),
              StatusIs(absl::StatusCode::kNotFound, StartsWith("/nowhere/eldrd.yaml: ")));
  EXPECT_THAT(LoadConfig(SourceFile("config")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("got a folder")));
}

}  // namespace
}  // namespace eldr

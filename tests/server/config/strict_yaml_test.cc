// What YAML allows, and would be ignored or guessed here: it stops the start.
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/config/config.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

auto RefusedYaml(const std::string& start) {
  return StatusIs(absl::StatusCode::kInvalidArgument, StartsWith(start));
}

TEST(StrictYamlTest, OneDocumentHasAllKeys) {
  const std::string first = "log: {level: debug}\n";
  const std::string second = ": got a second document, expected all keys in the first";
  EXPECT_THAT(ParseConfig(first + "---\nauth: {tokens: {admin: [t]}}\n", "f"),
              RefusedYaml("f:3" + second));
  EXPECT_THAT(ParseConfig(first + "---\nno_such_key: 1\n", "f"), RefusedYaml("f:3" + second));
  EXPECT_THAT(ParseConfig(first + "---\n: : [ {\n", "f"),
              RefusedYaml("f:4: got text that is not YAML"));
  EXPECT_THAT(ParseConfig("---\n# nothing\n---\nauth: {tokens: {admin: [t]}}\n", "f"),
              RefusedYaml("f:4" + second));
  EXPECT_THAT(ParseConfig(first + "...\nseed: 7\n", "f"), RefusedYaml("f:3" + second));
  EXPECT_THAT(ParseConfig(first + "... seed: 7\n", "f"),
              RefusedYaml("f:2: got text that is not YAML"));
  EXPECT_THAT(ParseConfig("{seed: 7}\n{log: {level: debug}}\n", "f"), RefusedYaml("f:2" + second));
  EXPECT_THAT(ParseConfig(first + "---\nfalse\n", "f"), RefusedYaml("f:3" + second));
  EXPECT_THAT(ParseConfig(first + "---\n---\n---\nseed: 1\n", "f"), RefusedYaml("f:5" + second));
}

// yaml-cpp reports empty documents without end behind these.
TEST(StrictYamlTest, StrayCommasEndTheReading) {
  for (const char* const text :
       {"{seed: 7},\n{log: {level: debug}}\n", "{seed: 7},", "[],", "---\n---\n{seed: 7},\n"}) {
    EXPECT_THAT(ParseConfig(text, "f"),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("got a second document")))
        << text;
  }
}

TEST(StrictYamlTest, MarksOfOneDocumentAreTaken) {
  for (const char* const text :
       {"---\nlog: {level: debug}\n", "log: {level: debug}\n...\n", "log: {level: debug}\n---\n",
        "log: {level: debug}\n---\n# nothing\n", "--- {log: {level: debug}}\n",
        "%YAML 1.2\n---\nlog: {level: debug}\n", "\xef\xbb\xbflog: {level: debug}\n"}) {
    const auto config = ParseConfig(text, "f");
    ASSERT_THAT(config, IsOk()) << text;
    EXPECT_EQ(config->log.level, "debug") << text;
  }
}

TEST(StrictYamlTest, AKeyStandsOnceAtEveryLevel) {
  const std::string twice = ": got the key a second time, expected it once";
  EXPECT_THAT(ParseConfig("seed: 1\n'seed': 1\n", "f"), RefusedYaml("f:2: seed" + twice));
  EXPECT_THAT(ParseConfig("log: {level: debug}\nlog: {format: json}\n", "f"),
              RefusedYaml("f:2: log" + twice));
  EXPECT_THAT(ParseConfig("auth:\n  tokens:\n    admin: [a]\n    admin: [b]\n", "f"),
              RefusedYaml("f:4: auth.tokens.admin" + twice));
  EXPECT_THAT(ParseConfig("auth: {tokens: {admin: [a]},\n  tokens: {read: [b]}}\n", "f"),
              RefusedYaml("f:2: auth.tokens" + twice));
  EXPECT_THAT(ParseConfig("default_policy: {step_time: {base: 1ms, base: 1ms}}\n", "f"),
              RefusedYaml("f:1: default_policy.step_time.base" + twice));
  EXPECT_THAT(ParseConfig("models: []\nmodels: []\n", "f"), RefusedYaml("f:2: models" + twice));
  EXPECT_THAT(ParseConfig("models:\n- {name: a, name: b, layers: 1, experts: 2, top_k: 1}\n", "f"),
              RefusedYaml("f:2: models[0].name" + twice));
  EXPECT_THAT(ParseConfig("models:\n- {name: a, layers: 1, experts: 2, top_k: 1, kappa: 1,\n"
                          "   step_time: {base: 1ms,\n    base: 2ms}}\n",
                          "f"),
              RefusedYaml("f:4: models[0].step_time.base" + twice));
  EXPECT_THAT(ParseConfig("no: 1\nno: 1\n", "f"), RefusedYaml("f:1: no: got an unknown key"));
}

// They would be a second way to write a key, and a key could stand twice.
TEST(StrictYamlTest, KeysWithDotsAreNone) {
  EXPECT_THAT(ParseConfig("log.level: debug\n", "f"),
              RefusedYaml("f:1: log.level: got a key with a dot, expected a section"));
  EXPECT_THAT(ParseConfig("grpc: {listen: 'unix:/x'}\ngrpc.listen: '127.0.0.1:0'\n", "f"),
              RefusedYaml("f:2: grpc.listen: got a key with a dot"));
  EXPECT_THAT(ParseConfig("default_policy: {step_time.base: 1ms}\n", "f"),
              RefusedYaml("f:1: default_policy.step_time.base: got a key with a dot"));
  EXPECT_THAT(
      ParseConfig("models: [{name: a, layers: 1, experts: 2, top_k: 1, step_time.base: 1ms}]", "f"),
      RefusedYaml("f:1: models[0].step_time.base: got a key with a dot"));
}

TEST(StrictYamlTest, ASectionWithNothingInItIsRefused) {
  for (const char* const section : {"grpc", "http", "tls", "auth", "limits", "log", "capture",
                                    "event_log", "default_policy", "models"}) {
    for (const char* const nothing : {"", " ~", " null", " # later\n", " &x"}) {
      EXPECT_THAT(ParseConfig(absl::StrCat("\n", section, ":", nothing, "\nseed: 1\n"), "f"),
                  RefusedYaml(absl::StrCat("f:2: ", section, ": got nothing, expected a ")))
          << nothing;
    }
  }
  EXPECT_THAT(ParseConfig("auth:\n  tokens:\n", "f"), RefusedYaml("f:2: auth.tokens: got nothing"));
  EXPECT_THAT(ParseConfig("auth: {tokens: {admin: }}\n", "f"),
              RefusedYaml("f:1: auth.tokens.admin: got nothing, expected paths"));
  EXPECT_THAT(ParseConfig("auth: {tokens: {admin: [~]}}\n", "f"),
              RefusedYaml("f:1: auth.tokens.admin: got nothing, expected paths"));
  EXPECT_THAT(ParseConfig("state_dir:\n", "f"), RefusedYaml("f:1: state_dir: got nothing"));
  EXPECT_THAT(ParseConfig("models: [~]\n", "f"), RefusedYaml("f:1: models[0]: got nothing"));
  EXPECT_THAT(ParseConfig("grpc: {insecure}\n", "f"),
              RefusedYaml("f:1: grpc.insecure: got nothing"));
  EXPECT_THAT(ParseConfig("~: 1\n", "f"), RefusedYaml("f:1: (key): got nothing, expected a key"));
  EXPECT_THAT(ParseConfig("log: {[a]: 1}\n", "f"), RefusedYaml("f:1: log.(key): got a list"));
}

TEST(StrictYamlTest, AnAliasMeansWhatItStandsForAndAMergeIsRefused) {
  const auto config = ParseConfig(
      "capture: {directory: &d /x}\n"
      "event_log: {directory: *d}\n"
      "grpc: {listen: &a ['127.0.0.1:1', '127.0.0.1:2']}\n"
      "models:\n"
      "- {name: a, layers: 1, experts: 2, top_k: 1, step_time: &s {base: 1ms}}\n"
      "- {name: b, layers: 1, experts: 2, top_k: 1, step_time: *s}\n",
      "f");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->event_log.directory, "/x");
  EXPECT_EQ(config->models.at(1).settings.step_time.base, absl::Milliseconds(1));

  const std::string merge = ": got a merge of other keys, expected the keys themselves";
  EXPECT_THAT(ParseConfig("grpc: &g {insecure: true}\nhttp:\n  <<: *g\n", "f"),
              RefusedYaml("f:3: http.<<" + merge));
  EXPECT_THAT(ParseConfig("log: &l {level: debug}\n<<: {log: *l}\n", "f"),
              RefusedYaml("f:2: <<" + merge));
  EXPECT_THAT(ParseConfig("models:\n- &m {name: a, layers: 1, experts: 2, top_k: 1}\n"
                          "- <<: *m\n  name: b\n",
                          "f"),
              RefusedYaml("f:3: models[1].<<" + merge));
  // Errors are shown where the alias stands, not where its anchor does.
  EXPECT_THAT(ParseConfig("log: {level: &l debug}\nseed: *l\n", "f"),
              RefusedYaml("f:2: seed: got \"debug\""));
  EXPECT_THAT(ParseConfig("seed: *nobody\n", "f"), RefusedYaml("f:1: got text that is not YAML"));
  EXPECT_THAT(ParseConfig("models: &m [*m]\n", "f"), RefusedYaml("f:1: models[0]: got a list"));
  // Nor does an anchor go from one document to the next.
  EXPECT_THAT(ParseConfig("seed: &s 1\n---\nseed: *s\n", "f"),
              RefusedYaml("f:3: got text that is not"));
}

TEST(StrictYamlTest, TagsAreRefusedWhereverTheyStand) {
  EXPECT_THAT(
      ParseConfig("seed: !!str 7\n", "f"),
      RefusedYaml("f:1: seed: got the tag \"tag:yaml.org,2002:str\", expected a value without"));
  for (const char* const text :
       {"log: {level: !x debug}\n", "log: !x {level: debug}\n", "!x log: {level: debug}\n",
        "state_dir: !x\n", "state_dir: !x STATE_DIR\n", "grpc: {listen: !x ['127.0.0.1:0']}\n",
        "grpc: {listen: [!x '127.0.0.1:0']}\n", "models: !x []\n",
        "models: [!x {name: a, layers: 1, experts: 2, top_k: 1}]\n", "--- !x\nseed: 1\n",
        "models: [{name: !x a, layers: 1, experts: 2, top_k: 1}]\n"}) {
    EXPECT_THAT(ParseConfig(text, "f"),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("got the tag \"!x\"")))
        << text;
  }
  EXPECT_THAT(ParseConfig("seed: \"7\"\n", "f"), IsOk()) << "quotes are no tag";
}

TEST(StrictYamlTest, PlaceholdersThatNobodyReplacedAreRefused) {
  for (const char* const value :
       {"'${STATE}'", "${STATE}", "/var/${NAME}/x", "'$(STATE)'", "$STATE_DIR", "$HOME/x",
        "'{{ .Values.state }}'", "'/x/{{state}}'", "${STATE:-/var/lib/eldr}"}) {
    EXPECT_THAT(ParseConfig(absl::StrCat("\nstate_dir: ", value, "\n"), "f"),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         ::testing::AllOf(StartsWith("f:2: state_dir: got \""),
                                          HasSubstr("replaces placeholders"))))
        << value;
  }
  EXPECT_THAT(ParseConfig("seed: ${SEED}\n", "f"),
              RefusedYaml("f:1: seed: got \"${SEED}\", expected the"));
  EXPECT_THAT(ParseConfig("auth: {tokens: {admin: ['${T}']}}\n", "f"),
              RefusedYaml("f:1: auth.tokens.admin: got \"${T}\", expected the value itself"));
  EXPECT_THAT(ParseConfig("models: [{name: '${M}', layers: 1, experts: 2, top_k: 1}]\n", "f"),
              RefusedYaml("f:1: models[0].name: got \"${M}\", expected the value itself"));
  EXPECT_THAT(ParseConfig("seed: {{ .Values.seed }}\n", "f"),
              RefusedYaml("f:1: seed: got a section"));
  EXPECT_THAT(ParseConfig("${KEY}: 1\n", "f"), RefusedYaml("f:1: ${KEY}: got an unknown key"));
  EXPECT_THAT(ParseConfig("state_dir: /costs/5$\n", "f"), IsOk()) << "a dollar alone is none";
}

TEST(StrictYamlTest, PathsAreTakenAsTheyStand) {
  for (const char* const value : {"'~'", "~/eldr", "\"/x\\0y\"", "\"/x\\ny\"", "\"\\e[2J\""}) {
    for (const char* const key : {"state_dir: ", "http: {token_file: "}) {
      const std::string end = key[0] == 'h' ? "}\n" : "\n";
      EXPECT_THAT(ParseConfig(absl::StrCat(key, value, end), "f"),
                  StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("without ~ and control")))
          << key << value;
    }
  }
  EXPECT_THAT(ParseConfig("state_dir: /var/~x/y~\n", "f"), IsOk());
}

// The YAML library makes bytes of these that are no characters.
TEST(StrictYamlTest, EscapesThatAreReadWrongAreRefused) {
  EXPECT_THAT(
      ParseConfig("state_dir: \"/x\\N\"\n", "f"),
      RefusedYaml("f:1: state_dir: got \"/x\\205\", expected text in UTF-8; write \\u0085"));
  EXPECT_THAT(ParseConfig("state_dir: \"/x\\_\"\n", "f"),
              RefusedYaml("f:1: state_dir: got \"/x\\240"));
  const auto config = ParseConfig("state_dir: \"/x\\u00a0\"\n", "f");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->state.directory, "/x\xc2\xa0");
}

// YAML 1.1 takes 010 for 8, YAML 1.2 for 10.
TEST(StrictYamlTest, NumbersHaveOneMeaning) {
  for (const char* const number :
       {"010", "0x10", "0o7", "1_000", "1,000", "+1", "1.0", "1e3", "' 1'", "10:30", "\"\""}) {
    EXPECT_THAT(ParseConfig(absl::StrCat("seed: ", number), "f"), RefusedYaml("f:1: seed: got \""))
        << number;
  }
  EXPECT_THAT(ParseConfig("signature_store_bytes: 010MiB", "f"),
              RefusedYaml("f:1: signature_store_"));
  EXPECT_THAT(ParseConfig("seed: 0", "f"), IsOk());
}

}  // namespace
}  // namespace eldr

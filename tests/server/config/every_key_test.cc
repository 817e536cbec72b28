// Every key: what it takes, to the ends of its range, and what it refuses beyond them. The ranges
// stand here once more, on purpose: that one of them changed is for a person to see.
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/config/config.h"
#include "server/config/config_field.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Values = std::vector<std::string>;

struct KeyCase {
  std::string key;
  Values good;  // not the default
  Values bad;
};

const Values kNoFlag = {"yes", "True", "1", "on", "''"};
const Values kNoPath = {"~/x", "'~'", "\"/x\\0\"", "[a, b]"};
const Values kNoDuration = {"10", "-1s", "1 s", "1d", "inf", "''"};
const Values kNoSize = {"-1", "4MB", "1.5GiB", "4 MiB", "010MiB", "''"};
const Values kNoNumber = {"-1", "1.5", "x", "0x1", "''"};
const Values kNoAddress = {"9002",   "':9002'",    "'::1:9002'", "h:65536",
                           "'h: 1'", "http://h:1", "''"};

Values operator+(Values a, const Values& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

KeyCase FlagCase(std::string key, const std::string& other) { return {key, {other}, kNoFlag}; }
KeyCase CountCase(std::string key, std::string most, std::string beyond, std::string below = "0") {
  return {key, {below == "0" ? "1" : "0", most}, kNoNumber + Values{below, beyond}};
}
KeyCase TimeCase(std::string key, std::string least, std::string below, std::string most,
                 std::string beyond) {
  return {key, {least, most}, kNoDuration + Values{below, beyond}};
}
KeyCase SizeCase(std::string key, std::string least, std::string below, std::string most,
                 std::string beyond) {
  return {key, {least, most}, kNoSize + Values{below, beyond}};
}

std::vector<KeyCase> PolicyCases(const std::string& prefix) {
  const Values no_policy = {"best", "Residency", "''"};
  std::vector<KeyCase> cases = {
      {prefix + "policy",
       {"locality_band", "locality_band_online", "least_loaded", "power_of_two", "round_robin",
        "random"},
       no_policy},
      {prefix + "shadow_policy", {"residency", "random"}, {"best", "none"}},
      {prefix + "kappa", {"1e-9", "1000000"}, {"0", "-1", "1000001", "nan", "inf", "x"}},
      {prefix + "p_max", {"0.001", "0.5"}, {"0", "0.981", "1", "nan"}},
      {prefix + "n0", {"0.5", "1000000000"}, {"0", "1000000001", "nan"}},
      {prefix + "w", {"0", "1000000"}, {"-0.1", "1000001", "nan"}},
      {prefix + "objective", {"median", "tail"}, {"mean", "Tail", "''"}},
      {prefix + "locality_band.tau", {"0", "2"}, {"-0.1", "2.1", "nan"}},
      FlagCase(prefix + "locality_band.seeded_ties", "true"),
      TimeCase(prefix + "locality_band.window", "100ms", "99ms", "1h", "1h1s"),
      TimeCase(prefix + "locality_band.refit_interval", "100ms", "99ms", "1h", "1h1s"),
      {prefix + "locality_band.profile", {}, kNoPath + Values{"/nowhere"}},
  };
  for (const char* const term : {"base", "all_experts", "per_request", "per_context_token"}) {
    const std::string key = absl::StrCat(prefix, "step_time.", term);
    cases.push_back(TimeCase(key, "1ns", "-1ns", "1h", "1h1s"));
  }
  return cases;
}

// Without a source that is set none of them has an effect, and without a model no source: so alone
// each is refused. discovery_keys_test.cc has what they take.
std::vector<KeyCase> DiscoveryCases() {
  return {
      {"discovery.model", {}, {"m", "[m]"}},
      {"discovery.model_label", {}, {"key", "[key]"}},
      {"discovery.role_label", {}, {"key", "\"a\\nb\""}},
      {"discovery.expert_group_label", {}, {"key"}},
      {"discovery.remove_after", {}, kNoDuration + Values{"0", "1h1s"}},
      {"discovery.max_endpoints", {}, kNoNumber + Values{"1", "0", "65537"}},
      {"discovery.file", {}, kNoPath + Values{"/x"}},
      {"discovery.kubernetes.selector", {}, {"app=x", "[a, b]", "\"a\\nb\""}},
      {"discovery.kubernetes.inference_pool", {}, {"pool", "[a, b]"}},
      {"discovery.kubernetes.target_ports", {}, kNoNumber + Values{"1", "0", "65536", "[1, 1]"}},
      {"discovery.kubernetes.namespace", {}, {"x", "[x]"}},
      {"discovery.kubernetes.api_server", {}, {"https://x", "x"}},
      {"discovery.kubernetes.credentials", {}, kNoPath + Values{"/x"}},
      {"discovery.scrape.preset", {}, {"vllm", "tgi"}},
      {"discovery.scrape.interval", {}, kNoDuration + Values{"100ms", "99ms", "1m1s"}},
      {"discovery.scrape.timeout", {}, kNoDuration + Values{"100ms", "99ms", "1m1s"}},
      {"discovery.scrape.path", {}, {"/x", "[x]"}},
      {"discovery.scrape.metrics", {}, {"[a=b]", "''"}},
  };
}

std::vector<KeyCase> Cases() {
  std::vector<KeyCase> cases = {
      {"grpc.listen",
       {"'[::1]:0'", "unix:/x", "localhost:1", "['127.0.0.1:1', 'unix:/x']"},
       kNoAddress + Values{"[]", "'unix:'", "0.0.0.0:1", "['127.0.0.1:1', 'x']"}},
      FlagCase("grpc.insecure", "true"),
      FlagCase("grpc.reflection", "false"),
      SizeCase("grpc.max_message_bytes", "64KiB", "65535", "256MiB", "257MiB"),
      SizeCase("grpc.max_metadata_bytes", "8KiB", "8191", "1MiB", "1025KiB"),
      CountCase("grpc.max_concurrent_streams", "1000000", "1000001"),
      TimeCase("grpc.keepalive_time", "1s", "999ms", "2h", "2h1s"),
      SizeCase("grpc.max_transport_bytes", "16MiB", "15MiB", "1TiB", "1025GiB"),
      {"http.listen", {"'[::1]:0'", "127.9.9.9:1"}, kNoAddress + Values{"unix:/x", "0.0.0.0:1"}},
      FlagCase("http.insecure", "true"),
      {"http.tls", {}, kNoFlag + Values{"true"}},  // needs a certificate
      {"http.token_file", {"/x"}, kNoPath},
      FlagCase("http.page", "false"),
      {"tls.certificate", {}, kNoPath + Values{"/x"}},  // needs a key
      {"tls.key", {}, kNoPath + Values{"/x"}},
      {"tls.client_ca", {}, kNoPath + Values{"/x"}},
      {"tls.client_certificates", {}, {"optional", "maybe", "''"}},  // needs tls.client_ca
      TimeCase("credential_reload_interval", "1s", "999ms", "1h", "1h1s"),
      {"seed", {"0", "18446744073709551615"}, kNoNumber + Values{"18446744073709551616", "01"}},
      TimeCase("lease_ttl", "1s", "999ms", "1h", "1h1s"),
      TimeCase("signature_ttl", "1s", "999ms", "1h", "1h1s"),
      SizeCase("signature_store_bytes", "1MiB", "1023KiB", "1TiB", "1025GiB"),
      SizeCase("block_store_bytes", "1MiB", "1023KiB", "1TiB", "1025GiB"),
      TimeCase("node_timeout", "100ms", "99ms", "1h", "1h1s"),
      {"panic.threshold", {"0", "1", "0.2"}, {"-0.1", "1.01", "nan", "50%"}},
      CountCase("panic.max_timeouts", "1000", "1001"),
      TimeCase("forget_lost_after", "1s", "999ms", "24h", "24h1s"),
      TimeCase("confirm_grace", "1s", "999ms", "1h", "1h1s"),
      {"max_kv_usage", {"0.01", "1"}, {"0", "1.01", "nan", "95%"}},
      CountCase("receipts", "1000000", "1000001", "-1"),
      TimeCase("shutdown_delay", "0", "-1ns", "1h", "1h1s"),
      TimeCase("drain_timeout", "0", "-1ns", "1h", "1h1s"),
      {"log.level", {"debug", "warning", "error"}, {"loud", "INFO", "''"}},
      {"log.format", {"json"}, {"xml", "''"}},
      FlagCase("log.requests", "true"),
      {"state_dir", {"/x"}, kNoPath},
      {"state_sync", {}, {"always", "never", "sometimes"}},  // needs state_dir
      {"state_sync_interval", {}, {"1ms", "0", "1m1s"}},
      {"capture.directory", {"/x"}, kNoPath},
      {"capture.share", {}, {"0.5", "0", "1.1", "nan"}},  // needs capture.directory
      {"capture.file_bytes", {}, {"1MiB", "1023KiB", "1025MiB"}},
      {"capture.max_bytes", {}, {"1TiB", "1023KiB", "1025GiB"}},
      {"event_log.directory", {"/x"}, kNoPath},
      {"event_log.file_bytes", {}, {"1MiB", "1023KiB", "1025MiB"}},
      {"event_log.max_bytes", {}, {"1TiB", "1023KiB", "1025GiB"}},
      CountCase("limits.models", "1024", "1025"),
      CountCase("limits.nodes_per_model", "65536", "65537"),
      CountCase("limits.leases_per_model", "100000000", "100000001"),
      CountCase("limits.calls", "10000000", "10000001"),
      CountCase("limits.streams", "10000000", "10000001"),
      CountCase("limits.streams_per_peer", "10000000", "10000001"),
      CountCase("limits.waits", "10000000", "10000001"),
      CountCase("limits.waits_per_peer", "10000000", "10000001"),
      SizeCase("limits.wait_bytes", "64KiB", "65535", "1TiB", "1025GiB"),
      SizeCase("limits.answer_bytes", "16MiB", "15MiB", "1TiB", "1025GiB"),
      TimeCase("limits.queue_wait", "1ms", "999us", "1m", "1m1s"),
      {"limits.concurrent_placements", {"1", "1024"}, kNoNumber + Values{"1025"}},
  };
  for (const KeyCase& discovery : DiscoveryCases()) cases.push_back(discovery);
  for (const char* const role : {"prefill", "decode", "frontend", "admin", "read"}) {
    cases.push_back({absl::StrCat("auth.tokens.", role), {"/x", "[/x, /y]"}, {"~/x", "''", "[]"}});
    cases.push_back({absl::StrCat("auth.certificates.", role), {}, {"[n]", "''", "[]"}});
  }
  for (const KeyCase& policy : PolicyCases("default_policy.")) cases.push_back(policy);
  return cases;
}

// A file with one key: "a: {b: {c: value}}".
std::string FileOf(const std::string& key, const std::string& value) {
  const std::vector<std::string> path = absl::StrSplit(key, '.');
  std::string text;
  for (std::size_t i = 0; i < path.size(); ++i)
    absl::StrAppend(&text, i > 0 ? "{" : "", path[i], ": ");
  return absl::StrCat("\n", text, value, std::string(path.size() - 1, '}'), "\n");
}

std::string ModelOf(const std::string& key, const std::string& value) {
  const std::string own = absl::StrReplaceAll(FileOf(key, value), {{"\n", ""}});
  return absl::StrCat("\nmodels: [{name: a, layers: 2, experts: 4, top_k: 2, ", own, "}]\n");
}

TEST(EveryKeyTest, IsInTheTableOfThisTest) {
  std::set<std::string> tested;
  for (const KeyCase& c : Cases()) tested.insert(c.key);
  for (const std::string& key : ConfigKeys()) EXPECT_EQ(tested.count(key), 1u) << key;
  EXPECT_EQ(tested.size(), ConfigKeys().size());

  std::set<std::string> tested_of_model = {"name", "layers", "experts", "top_k",
                                           "moe_hidden_layers"};
  for (const KeyCase& c : PolicyCases("")) tested_of_model.insert(c.key);
  ModelSpec model;
  for (const ConfigField& field : FieldsOf(model)) {
    EXPECT_EQ(tested_of_model.count(field.path), 1u) << field.path;
  }
}

TEST(EveryKeyTest, TakesWhatItMayBeAndPrintsIt) {
  const std::string defaults = PrintConfig(Config{});
  for (const KeyCase& c : Cases()) {
    for (const std::string& value : c.good) {
      SCOPED_TRACE(absl::StrCat(c.key, ": ", value));
      const auto config = ParseConfig(FileOf(c.key, value), "f");
      ASSERT_THAT(config, IsOk());
      const std::string printed = PrintConfig(*config);
      EXPECT_NE(printed, defaults) << "the value is in force";
      const auto again = ParseConfig(printed, "printed");
      ASSERT_THAT(again, IsOk());
      EXPECT_EQ(PrintConfig(*again), printed);
    }
  }
}

TEST(EveryKeyTest, RefusesAllElseWithItsLineItsNameAndWhatItMayBe) {
  for (const KeyCase& c : Cases()) {
    for (const std::string& value : c.bad) {
      EXPECT_THAT(ParseConfig(FileOf(c.key, value), "f"),
                  StatusIs(absl::StatusCode::kInvalidArgument,
                           AllOf(StartsWith("f:2: "), HasSubstr(c.key.substr(0, c.key.find('.'))),
                                 HasSubstr(": got "), HasSubstr(", expected "))))
          << c.key << ": " << value;
    }
  }
}

TEST(EveryKeyTest, OfAPolicyIsTheSameInAModel) {
  for (const KeyCase& c : PolicyCases("")) {
    for (const std::string& value : c.good) {
      EXPECT_THAT(ParseConfig(ModelOf(c.key, value), "f"), IsOk()) << c.key << ": " << value;
    }
    for (const std::string& value : c.bad) {
      EXPECT_THAT(ParseConfig(ModelOf(c.key, value), "f"),
                  StatusIs(absl::StatusCode::kInvalidArgument,
                           StartsWith(absl::StrCat("f:2: models[0].", c.key, ": got "))))
          << c.key << ": " << value;
    }
  }
}

TEST(EveryKeyTest, OfAModelsShape) {
  const struct {
    const char* model;
    const char* message;
  } bad[] = {
      {"name: '', layers: 2, experts: 4, top_k: 2",
       "models[0].name: got \"\", expected a name of 1"},
      {"name: a, layers: 0, experts: 4, top_k: 2", "geometry.layers: got 0, expected 1 to 1024"},
      {"name: a, layers: 1025, experts: 4, top_k: 2", "geometry.layers: got 1025"},
      {"name: a, layers: 2, experts: 1, top_k: 1", "geometry.experts: got 1, expected 2 to 4096"},
      {"name: a, layers: 2, experts: 4097, top_k: 1", "geometry.experts: got 4097"},
      {"name: a, layers: 2, experts: 4, top_k: 0", "geometry.top_k: got 0, expected 1 to 4"},
      {"name: a, layers: 2, experts: 4, top_k: 5", "geometry.top_k: got 5"},
      {"name: a, layers: 1024, experts: 4096, top_k: 1", "expected at most 262144"},
      {"name: a, layers: x, experts: 4, top_k: 2", "models[0].layers: got \"x\""},
      {"name: a, layers: 4294967296, experts: 4, top_k: 2", "models[0].layers: got \"4294967296\""},
      {"name: a, layers: 02, experts: 4, top_k: 2", "models[0].layers: got \"02\""},
      {"name: a, layers: 2, experts: 4, top_k: 2, moe_hidden_layers: [1]", "got 1 layers"},
      {"name: a, layers: 2, experts: 4, top_k: 2, moe_hidden_layers: [2, 1]", "got \"1\""},
      {"name: a, layers: 2, experts: 4, top_k: 2, moe_hidden_layers: [1, x]", "got \"x\""},
  };
  for (const auto& c : bad) {
    EXPECT_THAT(ParseConfig(absl::StrCat("\nmodels: [{", c.model, "}]\n"), "f"),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(StartsWith("f:2: models[0]"), HasSubstr(c.message))))
        << c.model;
  }
  const std::string long_name(256, 'n');
  const auto model = [](const std::string& name) {
    return absl::StrCat("\nmodels: [{name: ", name, ", layers: 1, experts: 2, top_k: 1}]\n");
  };
  EXPECT_THAT(ParseConfig(model(long_name), "f"), IsOk());
  EXPECT_THAT(ParseConfig(model(long_name + "n"), "f"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a name of 1 to 256 bytes")));
  EXPECT_THAT(ParseConfig("models: [{name: a, layers: 1, experts: 2, top_k: 1},"
                          " {name: b, layers: 1, experts: 2, top_k: 1}]\nlimits: {models: 1}\n",
                          "f"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       StartsWith("f:1: models[1]: got one more model, expected at most 1 "
                                  "(limits.models)")));
}

// The comments of the reference file tell each range as messages do.
TEST(EveryKeyTest, HasItsRangeInTheCommentedFile) {
  std::ifstream file(absl::StrCat(std::getenv("ELDR_SOURCE_DIR"), "/config/eldrd.yaml"));
  std::ostringstream stream;
  stream << file.rdbuf();
  // Comments go over lines.
  const std::string text =
      absl::StrReplaceAll(stream.str(), {{"\n# ", " "}, {"\n  # ", " "}, {"\n    # ", " "}});
  Config config;
  for (const ConfigField& field : FieldsOf(config)) {
    for (const char* const kind :
         {"a duration of ", "a size of ", "a number of ", "a whole number of ", "a number "}) {
      if (!absl::StartsWith(field.expected, kind)) continue;
      std::string range = field.expected.substr(std::string(kind).size());
      range = range.substr(0, range.find(", such as"));
      if (absl::StartsWith(range, "at least ")) break;
      EXPECT_THAT(text, HasSubstr(range)) << field.path;
      break;
    }
  }
}

}  // namespace
}  // namespace eldr

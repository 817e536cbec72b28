#include "client/ctl/config_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace eldr::ctl {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kRunning[] =
    "grpc:\n"
    "  listen: [\"127.0.0.1:9002\"]\n"
    "  insecure: false\n"
    "seed: 1\n"
    "default_policy:\n"
    "  kappa: 2\n"
    "  step_time:\n"
    "    base: 4ms\n"
    "  locality_band:\n"
    "    tau: 0.1\n"
    "models:\n"
    "  - name: \"a\"\n"
    "    layers: 48\n"
    "    step_time:\n"
    "      base: 4ms\n"
    "  - name: \"b\"\n"
    "    layers: 48\n";

std::string With(const std::string& from, const std::string& to) {
  std::string text = kRunning;
  text.replace(text.rfind(from), from.size(), to);
  return text;
}

TEST(ConfigDiffTest, NamesEachKeyWithItsPath) {
  EXPECT_THAT(DiffPrintedConfigs(kRunning, kRunning), IsEmpty());
  EXPECT_THAT(DiffPrintedConfigs(kRunning, With("seed: 1", "seed: 2")),
              ElementsAre("seed: 1 -> 2"));
  EXPECT_THAT(DiffPrintedConfigs(kRunning, With("insecure: false", "insecure: true")),
              ElementsAre("grpc.insecure: false -> true"));
  EXPECT_THAT(DiffPrintedConfigs(kRunning, With("tau: 0.1", "tau: 0.2")),
              ElementsAre("default_policy.locality_band.tau: 0.1 -> 0.2"));
}

TEST(ConfigDiffTest, KeysOfModelsNameTheModel) {
  EXPECT_THAT(DiffPrintedConfigs(kRunning, With("base: 4ms", "base: 5ms")),
              ElementsAre("models.[\"a\"].step_time.base: 4ms -> 5ms"));
  EXPECT_THAT(DiffPrintedConfigs(kRunning, With("layers: 48", "layers: 24")),
              ElementsAre("models.[\"b\"].layers: 48 -> 24"));
  EXPECT_THAT(DiffPrintedConfigs(kRunning, With("\"b\"", "\"c\"")),
              ElementsAre("models.[\"b\"].name: \"b\" -> -", "models.[\"b\"].layers: 48 -> -",
                          "models.[\"c\"].name: - -> \"c\"", "models.[\"c\"].layers: - -> 48"));
}

}  // namespace
}  // namespace eldr::ctl

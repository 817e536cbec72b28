#include "core/policy/policy_factory.h"

#include <functional>
#include <limits>
#include <map>
#include <random>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

const ModelGeometry kGeometry = {2, 8, 2, {}};

TEST(PolicyFactoryTest, MakesEachPolicyByItsName) {
  EXPECT_EQ(PolicyNames().front(), "residency");
  EXPECT_THAT(PolicyNames(),
              IsSupersetOf({"least_loaded", "power_of_two", "round_robin", "random"}));
  for (const absl::string_view name : PolicyNames()) {
    PolicySettings settings;
    settings.policy = std::string(name);
    ASSERT_THAT(ValidatePolicySettings(settings), IsOk()) << name;
    EXPECT_EQ(MakePolicy(settings, kGeometry)->name(), name);
  }
  EXPECT_EQ(PolicySettings().policy, "residency");
}

TEST(PolicyFactoryTest, PassesTheWeightOn) {
  PolicySettings settings;
  settings.w = 3;
  std::mt19937_64 rng(1);
  DecodeNode node;
  Candidate candidate;
  candidate.node = &node;
  candidate.batch = 2;
  candidate.step_time = 1;
  candidate.step_time_with = 2;
  MakePolicy(settings, kGeometry)
      ->Score({std::nullopt, rng, nullptr, absl::ZeroDuration()}, absl::MakeSpan(&candidate, 1));
  EXPECT_EQ(candidate.cost, 2 + 3 * 2 * 1);
}

TEST(PolicyFactoryTest, TellsTheParametersInForce) {
  PolicySettings settings;
  settings.estimate = {.kappa = 5, .p_max = 0.9, .n0 = 200};
  settings.w = 2;
  settings.step_time = {absl::Milliseconds(1), absl::Milliseconds(2), absl::Microseconds(3),
                        absl::Nanoseconds(4)};
  const std::map<std::string, double> expected = {{"kappa", 5},
                                                  {"p_max", 0.9},
                                                  {"n0", 200},
                                                  {"w", 2},
                                                  {"step_time.base", 0.001},
                                                  {"step_time.all_experts", 0.002},
                                                  {"step_time.per_request", 0.000003},
                                                  {"step_time.per_context_token", 0.000000004}};
  EXPECT_THAT(PolicyParameters(settings), IsSupersetOf(expected));
}

TEST(PolicyFactoryTest, NamesTheSettingThatIsOutOfRange) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  const struct {
    std::string message;
    std::function<void(PolicySettings&)> broken;
  } cases[] = {
      {"policy: got \"jsq\", expected one of residency, ",
       [](PolicySettings& s) { s.policy = "jsq"; }},
      {"policy: got \"\"", [](PolicySettings& s) { s.policy = ""; }},
      {"objective: got \"mean\", expected one of median, balanced, tail",
       [](PolicySettings& s) { s.objective = "mean"; }},
      {"kappa: got 0, expected greater than 0, at most 1000000",
       [](PolicySettings& s) { s.estimate.kappa = 0; }},
      {"kappa: got nan", [](PolicySettings& s) { s.estimate.kappa = kNaN; }},
      {"p_max: got 0.99, expected greater than 0, at most 0.98",
       [](PolicySettings& s) { s.estimate.p_max = 0.99; }},
      {"p_max: got 0,", [](PolicySettings& s) { s.estimate.p_max = 0; }},
      {"n0: got 0,", [](PolicySettings& s) { s.estimate.n0 = 0; }},
      {"w: got -1, expected 0 to 1000000", [](PolicySettings& s) { s.w = -1; }},
      {"step_time.base: got -1ms, expected 0 to 1h",
       [](PolicySettings& s) { s.step_time.base = -absl::Milliseconds(1); }},
      {"step_time.all_experts: got inf",
       [](PolicySettings& s) { s.step_time.all_experts = absl::InfiniteDuration(); }},
      {"step_time.per_request: got 2h",
       [](PolicySettings& s) { s.step_time.per_request = absl::Hours(2); }},
      {"step_time.per_context_token: got -1ns",
       [](PolicySettings& s) { s.step_time.per_context_token = -absl::Nanoseconds(1); }},
  };
  for (const auto& c : cases) {
    PolicySettings settings;
    c.broken(settings);
    EXPECT_THAT(ValidatePolicySettings(settings),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)));
  }
}

TEST(PolicyFactoryTest, AcceptsTheLimits) {
  PolicySettings settings;
  settings.estimate = {.kappa = 1e6, .p_max = 0.98, .n0 = 1e9};
  settings.w = 0;
  settings.step_time = {absl::ZeroDuration(), absl::Hours(1), absl::ZeroDuration(),
                        absl::ZeroDuration()};
  EXPECT_THAT(ValidatePolicySettings(settings), IsOk());
}

}  // namespace
}  // namespace eldr

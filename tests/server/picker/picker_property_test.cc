// Whatever comes, in whatever order, and wherever it is cut off: each lease is released once.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/server/picker/picker_script.h"

namespace eldr::picker {
namespace {

using Lines = std::vector<std::string>;

// Runs the lines, ends the stream, and lets picks that are still open come too late. The number of
// leases that were given.
std::size_t CheckLeases(const Lines& lines, const std::string& what) {
  ScriptRun run;
  for (const std::string& line : lines) run.Do(line);
  run.Do("> end");
  std::uint64_t late = 1'000;
  while (run.open_picks() > 0) run.Do("> picked 10.0.0.9:8000 " + std::to_string(++late));
  for (const auto& [lease, released] : run.leases()) {
    EXPECT_EQ(released, 1) << what << ": lease " << lease << "\n" << run.written();
  }
  return run.leases().size();
}

TEST(PickerPropertyTest, CutAtEachStep) {
  std::size_t leases = 0;
  for (const Script& script : Scripts()) {
    Lines lines;
    leases += CheckLeases(lines, script.name + " not begun");
    for (const std::string& line : script.inputs) {
      lines.push_back(line);
      leases += CheckLeases(lines, script.name + " cut after " + line);
    }
  }
  EXPECT_GE(leases, 100u);
}

TEST(PickerPropertyTest, AnyTwoStepsSwappedAnyStepTwiceOrMissing) {
  std::size_t leases = 0;
  for (const Script& script : Scripts()) {
    const Lines& inputs = script.inputs;
    for (auto step = inputs.begin(); step != inputs.end(); ++step) {
      const auto place = step - inputs.begin();
      for (auto other = step + 1; other != inputs.end(); ++other) {
        Lines swapped = inputs;
        std::iter_swap(swapped.begin() + place, swapped.begin() + (other - inputs.begin()));
        leases += CheckLeases(swapped, script.name + " swapped");
      }
      Lines twice = inputs;
      twice.insert(twice.begin() + place, *step);
      leases += CheckLeases(twice, script.name + " twice");
      Lines missing = inputs;
      missing.erase(missing.begin() + place);
      leases += CheckLeases(missing, script.name + " missing");
    }
  }
  EXPECT_GE(leases, 100u);
}

TEST(PickerPropertyTest, StepsOfAllScriptsInRandomOrder) {
  std::size_t leases = 0;
  Lines steps;
  for (const Script& script : Scripts()) {
    steps.insert(steps.end(), script.inputs.begin(), script.inputs.end());
  }
  for (unsigned seed = 1; seed <= 5'000; ++seed) {
    std::mt19937 random(seed);
    Lines lines = {
        "> request_headers x-request-id=r1 "
        "x-llm-d-model-name-rewrite=m"};
    for (int i = 0; i < 12; ++i) lines.push_back(steps[random() % steps.size()]);
    leases += CheckLeases(lines, "seed " + std::to_string(seed));
  }
  EXPECT_GE(leases, 1'000u);
}

}  // namespace
}  // namespace eldr::picker

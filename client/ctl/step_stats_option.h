// An option whose value is the step statistics of one batch-size bucket.
#ifndef ELDR_CLIENT_CTL_STEP_STATS_OPTION_H_
#define ELDR_CLIENT_CTL_STEP_STATS_OPTION_H_

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "eldr/v1/fleet.pb.h"

namespace eldr::ctl {

// Reads MAX_BATCH:STEPS:TOTAL_DURATION:MEAN_BATCH[:MEAN_CONTEXT_TOKENS[:MEAN_DISTINCT_EXPERTS]],
// e.g. "16:90:1.26s:11.5". Checks the form; the ranges are for the daemon to check.
absl::StatusOr<v1::StepStats> ParseStepStats(absl::string_view text);

// Declares it; may be repeated. A bad one is a usage error.
CLI::Option* AddStepStats(CLI::App& app, const std::string& name,
                          std::vector<v1::StepStats>& values);

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_STEP_STATS_OPTION_H_

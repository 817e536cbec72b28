#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/fleet/fleet.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kNodeTimeout = absl::Seconds(9);
constexpr std::size_t kCells = 64;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

NodeSpec ValidSpec() {
  NodeSpec spec;
  spec.node_id = "d0";
  spec.model = "m";
  spec.address = "10.0.0.1:8000";
  return spec;
}

TEST(ValidateNodeSpecTest, AcceptsItsLimits) {
  NodeSpec spec = ValidSpec();
  spec.node_id.assign(256, 'n');
  spec.address.assign(512, 'a');
  spec.expert_group.assign(256, 'g');
  for (int i = 0; i < 32; ++i) spec.labels[absl::StrCat("key", i)] = std::string(256, 'v');
  spec.heartbeat_interval = absl::Seconds(3);
  spec.tokens_per_step = 64;
  EXPECT_THAT(ValidateNodeSpec(spec, kNodeTimeout), IsOk());
}

TEST(ValidateNodeSpecTest, NamesTheFieldThatIsOutOfRange) {
  const struct {
    std::string message;
    std::function<void(NodeSpec&)> broken;
  } cases[] = {
      {"node.node_id: got 0 bytes, expected 1 to 256", [](NodeSpec& s) { s.node_id = ""; }},
      {"node.node_id: got 257 bytes, expected 1 to 256",
       [](NodeSpec& s) { s.node_id.assign(257, 'n'); }},
      {"node.address: got 0 bytes, expected 1 to 512", [](NodeSpec& s) { s.address = ""; }},
      {"node.address: got 513 bytes", [](NodeSpec& s) { s.address.assign(513, 'a'); }},
      {"node.expert_group: got 257 bytes, expected 0 to 256",
       [](NodeSpec& s) { s.expert_group.assign(257, 'g'); }},
      {"node.labels: got 33, expected at most 32",
       [](NodeSpec& s) {
         for (int i = 0; i < 33; ++i) s.labels[absl::StrCat("key", i)] = "";
       }},
      {"node.labels key: got 0 bytes", [](NodeSpec& s) { s.labels[""] = "v"; }},
      {"node.labels[\"rack\"]: got 257 bytes",
       [](NodeSpec& s) { s.labels["rack"] = std::string(257, 'v'); }},
      {"node.tokens_per_step: got 0, expected 1 to 64", [](NodeSpec& s) { s.tokens_per_step = 0; }},
      {"node.tokens_per_step: got 65, expected 1 to 64",
       [](NodeSpec& s) { s.tokens_per_step = 65; }},
      {"node.heartbeat_interval: got 3.001s, expected 0 to 3s",
       [](NodeSpec& s) { s.heartbeat_interval = absl::Seconds(3.001); }},
      {"node.heartbeat_interval: got -1s, expected 0 to 3s",
       [](NodeSpec& s) { s.heartbeat_interval = -absl::Seconds(1); }},
  };
  for (const auto& c : cases) {
    NodeSpec spec = ValidSpec();
    c.broken(spec);
    EXPECT_THAT(ValidateNodeSpec(spec, kNodeTimeout),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)));
  }
}

StepStats ValidBucket() { return {8, 100, absl::Seconds(2), 6.5, 12'000.0, 40.0}; }

NodeReport ReportOf(const std::vector<StepStats>& steps) {
  NodeReport report;
  report.node_id = "d0";
  report.steps = steps;
  return report;
}

TEST(ValidateNodeReportTest, AcceptsItsLimits) {
  const std::string id = "r";
  const std::vector<const std::string*> ids(10'000, &id);
  StepStats fullest = ValidBucket();
  fullest.mean_batch = 8;
  fullest.mean_distinct_experts = kCells;
  fullest.mean_context_tokens = 0;
  const std::vector<StepStats> steps(64, fullest);
  NodeReport report = ReportOf(steps);
  report.running = 1'000'000;
  report.queued = 1'000'000;
  report.running_request_ids = ids;
  report.finished_request_ids = ids;
  for (const double usage : {0.0, 1.0}) {
    report.kv_usage = usage;
    EXPECT_THAT(ValidateNodeReport(report, kCells), IsOk());
  }
}

TEST(ValidateNodeReportTest, NamesTheFieldThatIsOutOfRange) {
  const std::string id = "r";
  const std::vector<const std::string*> ids(10'001, &id);
  const std::vector<StepStats> steps(65, ValidBucket());
  const struct {
    std::string message;
    std::function<void(NodeReport&)> broken;
  } cases[] = {
      {"running: got 1000001, expected at most 1000000",
       [](NodeReport& r) { r.running = 1'000'001; }},
      {"queued: got 1000001", [](NodeReport& r) { r.queued = 1'000'001; }},
      {"kv_usage: got 1.5, expected 0 to 1", [](NodeReport& r) { r.kv_usage = 1.5; }},
      {"kv_usage: got -0.1", [](NodeReport& r) { r.kv_usage = -0.1; }},
      {"kv_usage: got nan", [](NodeReport& r) { r.kv_usage = kNaN; }},
      {"steps: got 65 buckets, expected at most 64", [&](NodeReport& r) { r.steps = steps; }},
      {"running_request_ids: got 10001, expected at most 10000",
       [&](NodeReport& r) { r.running_request_ids = ids; }},
      {"finished_request_ids: got 10001, expected at most 10000",
       [&](NodeReport& r) { r.finished_request_ids = ids; }},
      {"finished: got 10001, expected at most 10000",
       [&](NodeReport& r) {
         r.finished.assign(10'001, {id, 1});
       }},
  };
  for (const auto& c : cases) {
    NodeReport report = ReportOf({});
    c.broken(report);
    EXPECT_THAT(ValidateNodeReport(report, kCells),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)));
  }
}

TEST(ValidateNodeReportTest, NamesTheBucketAndTheFieldThatIsOutOfRange) {
  const struct {
    std::string message;
    std::function<void(StepStats&)> broken;
  } cases[] = {
      {"steps[1].max_batch: got 0", [](StepStats& s) { s.max_batch = 0; }},
      {"steps[1].steps: got 0", [](StepStats& s) { s.steps = 0; }},
      {"steps[1].total_duration: got 0",
       [](StepStats& s) { s.total_duration = absl::ZeroDuration(); }},
      {"steps[1].total_duration: got -1s",
       [](StepStats& s) { s.total_duration = -absl::Seconds(1); }},
      {"steps[1].total_duration: got inf",
       [](StepStats& s) { s.total_duration = absl::InfiniteDuration(); }},
      {"steps[1].mean_batch: got 0,", [](StepStats& s) { s.mean_batch = 0; }},
      {"steps[1].mean_batch: got 8.5, expected more than 0, at most 8",
       [](StepStats& s) { s.mean_batch = 8.5; }},
      {"steps[1].mean_batch: got nan", [](StepStats& s) { s.mean_batch = kNaN; }},
      {"steps[1].mean_context_tokens: got -1", [](StepStats& s) { s.mean_context_tokens = -1; }},
      {"steps[1].mean_context_tokens: got 1.1e+12, expected 0 to 1e+12",
       [](StepStats& s) { s.mean_context_tokens = 1.1e12; }},
      {"steps[1].mean_context_tokens: got inf",
       [](StepStats& s) { s.mean_context_tokens = kInfinity; }},
      {"steps[1].mean_distinct_experts: got 64.5, expected 0 to 64",
       [](StepStats& s) { s.mean_distinct_experts = 64.5; }},
      {"steps[1].mean_distinct_experts: got -1",
       [](StepStats& s) { s.mean_distinct_experts = -1; }},
      {"steps[1].mean_distinct_experts: got nan",
       [](StepStats& s) { s.mean_distinct_experts = kNaN; }},
  };
  for (const auto& c : cases) {
    std::vector<StepStats> steps = {ValidBucket(), ValidBucket()};
    c.broken(steps[1]);
    EXPECT_THAT(ValidateNodeReport(ReportOf(steps), kCells),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)));
  }
}

}  // namespace
}  // namespace eldr

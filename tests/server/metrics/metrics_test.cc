#include "server/metrics/metrics.h"

#include <prometheus/registry.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "server/discovery/discovery_metrics.h"
#include "tests/server/daemon_fixture.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class MetricsTest : public DaemonTest {
 protected:
  void SetUp() override {
    Config config = TestConfig();
    config.default_policy.shadow_policy = "locality_band_online";
    config.capture.directory = dir_ / "captures";
    config.state.directory = dir_ / "state";
    StartDaemon(config);
    DeclareTestModel();
  }

  // A fleet and some traffic, so that every family has a series.
  void MakeTraffic() {
    v1::NodeSpec spec;
    spec.set_node_id("a");
    spec.set_model(kModel);
    spec.set_address("a.test:1");
    spec.mutable_heartbeat_interval()->set_seconds(1);
    ASSERT_THAT(FromGrpc(Register(spec)), IsOk());
    v1::HeartbeatRequest beat;
    beat.set_node_id("a");
    beat.set_kv_usage(0.5);
    beat.set_running(2);
    v1::StepStats* const steps = beat.add_steps();
    steps->set_max_batch(4);
    steps->set_steps(10);
    steps->mutable_total_duration()->set_nanos(100'000'000);
    steps->set_mean_batch(3);
    ASSERT_THAT(FromGrpc(Heartbeat(beat)), IsOk());
    RegisterTestNode("b");
    ASSERT_THAT(FromGrpc(Push(TestPush("r1"))), IsOk());
    ASSERT_THAT(FromGrpc(Place("r1")), IsOk());
    ASSERT_THAT(FromGrpc(Place("r2")), IsOk());
  }

  const TempDir dir_;

  // The names after "# TYPE".
  std::set<std::string> ExportedFamilies() {
    std::set<std::string> names;
    const std::string page = Get("/metrics");
    for (absl::string_view line : absl::StrSplit(page, '\n')) {
      if (absl::ConsumePrefix(&line, "# TYPE ")) {
        names.insert(std::string(line.substr(0, line.find(' '))));
      }
    }
    return names;
  }
};

// Those of discovery with every kind of source, which this daemon has none of.
std::set<std::string> DiscoveryFamilies() {
  prometheus::Registry registry;
  DiscoveryMetrics discovery(registry);
  discovery.Source("file");
  const WatchMetrics watches(registry);
  const ScrapeMetrics scrapes(registry);
  std::set<std::string> names;
  for (const prometheus::MetricFamily& family : registry.Collect()) names.insert(family.name);
  return names;
}

TEST_F(MetricsTest, TheDocumentListsExactlyWhatIsExported) {
  MakeTraffic();
  std::ifstream file(absl::StrCat(std::getenv("ELDR_SOURCE_DIR"), "/docs/metrics.md"));
  ASSERT_TRUE(file.is_open());
  std::set<std::string> documented;
  std::string line;
  while (std::getline(file, line)) {
    absl::string_view cell = line;
    if (!absl::ConsumePrefix(&cell, "| `")) continue;
    if (absl::StartsWith(cell, "eldr_") || absl::StartsWith(cell, "process_")) {
      documented.insert(std::string(cell.substr(0, cell.find('`'))));
    }
  }
  // Only with TLS; see TlsTest.
  EXPECT_EQ(documented.erase("eldr_tls_certificate_expiry_timestamp_seconds"), 1u);
  std::set<std::string> exported = ExportedFamilies();
  exported.merge(DiscoveryFamilies());
  EXPECT_EQ(documented, exported);
}

TEST_F(MetricsTest, PromtoolHasNothingToSay) {
  const char* const promtool = std::getenv("ELDR_PROMTOOL");
  if (promtool == nullptr) GTEST_SKIP() << "promtool is not installed";
  MakeTraffic();
  const std::string path = dir_ / "metrics.txt";
  std::ofstream(path) << Get("/metrics");
  FILE* const pipe = popen(absl::StrCat(promtool, " check metrics < ", path, " 2>&1").c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string said;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) said += static_cast<char>(c);
  EXPECT_EQ(pclose(pipe), 0);
  EXPECT_EQ(said, "");
}

TEST_F(MetricsTest, TellsHowTheShadowDecides) {
  RegisterTestNode("a");
  for (const char* const id : {"r1", "r2", "r3"}) ASSERT_THAT(FromGrpc(Place(id)), IsOk());
  const std::string decisions =
      R"(eldr_shadow_decisions_total{agrees="true",model="m",policy="locality_band_online"})";
  EXPECT_EQ(Metric(decisions), 3) << "there is but one node";
  const double made = Metric(R"(eldr_shadow_cost_seconds_total{choice="made",model="m"})");
  EXPECT_GT(made, 0);
  EXPECT_EQ(Metric(R"(eldr_shadow_cost_seconds_total{choice="shadow",model="m"})"), made);
}

TEST_F(MetricsTest, ShowsTheStepTimesAsLearned) {
  MakeTraffic();
  v1::HeartbeatRequest slow;
  slow.set_node_id("a");
  slow.set_running(2);
  v1::StepStats* const steps = slow.add_steps();
  steps->set_max_batch(4);
  steps->set_steps(1000);
  steps->mutable_total_duration()->set_seconds(60);  // 60 ms each: more than all experts take
  steps->set_mean_distinct_experts(4);
  steps->set_mean_batch(3);
  ASSERT_THAT(FromGrpc(Heartbeat(slow)), IsOk());
  EXPECT_GT(Metric(R"(eldr_node_step_slowness_ratio{model="m",node="a"})"), 1);
  EXPECT_EQ(Metric(R"(eldr_node_step_slowness_ratio{model="m",node="b"})"), 1);
  const std::string term = R"(eldr_node_step_term_seconds{model="m",node="b",term=)";
  EXPECT_EQ(Metric(term + R"("base"})"), 0.004);
  EXPECT_EQ(Metric(term + R"("per_request"})"), 3e-05);
}

TEST_F(MetricsTest, CountsWhatIsRecorded) {
  ASSERT_THAT(FromGrpc(Push(TestPush("r1"))), IsOk());
  EXPECT_TRUE(Eventually(
      [&] { return Metric(R"(eldr_records_total{log="captures",outcome="written"})") == 1; }));
  EXPECT_GT(Metric(R"(eldr_record_bytes{log="captures"})"), 8);
}

TEST_F(MetricsTest, CountsPlacementsByOutcomeAndReason) {
  ASSERT_THAT(FromGrpc(Place("r")), StatusIs(absl::StatusCode::kUnavailable));
  RegisterTestNode("a");
  RegisterTestNode("b");
  ASSERT_THAT(FromGrpc(Push(TestPush("r"))), IsOk());
  clock_.Advance(absl::Milliseconds(30));
  ASSERT_THAT(FromGrpc(Place("r")), IsOk());
  ASSERT_THAT(FromGrpc(Place("r")), IsOk());
  v1::PlaceRequest query = TestQuery("inline");
  *query.mutable_signature() = TestSignature();
  ASSERT_THAT(FromGrpc(Place(query)), IsOk());

  const std::string placements = R"(eldr_placements_total{model="m",outcome=)";
  EXPECT_EQ(Metric(placements + R"("ok",policy="residency",reason="policy"})"), 2);
  EXPECT_EQ(Metric(placements + R"("ok",policy="residency",reason="existing_lease"})"), 1);
  EXPECT_EQ(Metric(placements + R"("unavailable",policy="residency",reason="none"})"), 1);
  EXPECT_EQ(Metric(R"(eldr_placement_decision_seconds_count{model="m"})"), 4);
  EXPECT_EQ(
      Metric(
          R"(eldr_placement_basis_total{load_basis="own_count",model="m",signature_quality="full"})"),
      2);
  const std::string signatures = R"(eldr_signatures_total{encoding="uint8",model="m",outcome=)";
  EXPECT_EQ(Metric(signatures + R"("stored"})"), 1);
  EXPECT_EQ(Metric(signatures + R"("inline"})"), 1);
  EXPECT_EQ(Metric(R"(eldr_signature_bytes_sum{model="m"})"), 16);
  EXPECT_EQ(Metric(R"(eldr_signature_age_seconds_count{model="m"})"), 2);
  EXPECT_NEAR(Metric(R"(eldr_signature_age_seconds_sum{model="m"})"), 0.03, 1e-9);
  EXPECT_EQ(Metric(R"(eldr_calls_total{call="Place",outcome="ok"})"), 3);
  EXPECT_EQ(Metric(R"(eldr_calls_total{call="Place",outcome="unavailable"})"), 1);
  EXPECT_EQ(Metric(R"(eldr_call_seconds_count{call="Place"})"), 4);
  EXPECT_EQ(Metric(R"(eldr_learned_requests_total{model="m"})"), 2);

  // The second request goes where the first is, or pays for not doing so.
  const double chosen = Metric(R"(eldr_placement_marginal_experts_total{model="m"})");
  const double mean = Metric(R"(eldr_placement_candidate_marginal_experts_total{model="m"})");
  EXPECT_GT(chosen, 0);
  EXPECT_GT(mean, 0);
}

TEST_F(MetricsTest, CountsWhatIsRefusedAndDropped) {
  v1::PushSignatureRequest bad = TestPush("r");
  bad.mutable_signature()->clear_counts();
  ASSERT_FALSE(Push(bad).ok());
  EXPECT_EQ(Metric(R"(eldr_signatures_total{encoding="none",model="m",outcome="refused"})"), 1);
  ASSERT_THAT(FromGrpc(Push(TestPush("r"))), IsOk());
  EXPECT_EQ(Metric(R"(eldr_stored_signatures{model="m"})"), 1);
  EXPECT_GT(Metric(R"(eldr_stored_signature_bytes{model="m"})"), 0);
  clock_.Advance(absl::Minutes(2));
  EXPECT_TRUE(Eventually(
      [&] { return Metric(R"(eldr_signatures_dropped_total{cause="expired",model="m"})") == 1; }));
}

TEST_F(MetricsTest, UndeclaredModelsMakeNoSeries) {
  v1::PlaceRequest query = TestQuery("r");
  query.set_model("invented");
  ASSERT_FALSE(Place(query).ok());
  EXPECT_THAT(Get("/metrics"), Not(HasSubstr("invented")));
  EXPECT_EQ(Metric(R"(eldr_calls_total{call="Place",outcome="not_found"})"), 1);
}

TEST_F(MetricsTest, CountsReportsThatCannotBeRightByNode) {
  MakeTraffic();
  v1::HeartbeatRequest wrong;
  wrong.set_node_id("a");
  v1::StepStats* const steps = wrong.add_steps();
  steps->set_max_batch(4);
  steps->set_steps(90);
  steps->mutable_total_duration()->set_nanos(1'800'000);  // milliseconds told as microseconds
  steps->set_mean_distinct_experts(4);
  steps->set_mean_batch(3);
  for (int i = 0; i < 2; ++i) ASSERT_THAT(FromGrpc(Heartbeat(wrong)), IsOk());
  const auto count = [&](const std::string& node, const std::string& cause) {
    return Metric("eldr_node_reports_not_believed_total{model=\"m\",node=\"" + node +
                  "\",cause=\"" + cause + "\"}");
  };
  EXPECT_EQ(count("a", "shape"), 2);
  EXPECT_EQ(count("a", "past"), 0);
  EXPECT_EQ(count("b", "shape"), 0);
}

TEST_F(MetricsTest, SeriesOfANodeThatIsGoneForGoodVanish) {
  MakeTraffic();
  // "a" is the only one that sends heartbeats: panic mode, then lost, then forgotten.
  clock_.Advance(absl::Seconds(11));
  EXPECT_TRUE(Eventually([&] { return Metric(R"(eldr_panic_mode{model="m"})") == 1; }));
  EXPECT_EQ(Metric(R"(eldr_node_state{model="m",node="a",state="lost_in_panic"})"), 1);
  clock_.Advance(absl::Seconds(31));
  EXPECT_TRUE(Eventually(
      [&] { return Metric(R"(eldr_node_state{model="m",node="a",state="lost"})") == 1; }));
  EXPECT_EQ(Metric(R"(eldr_panic_mode{model="m"})"), 0);
  clock_.Advance(absl::Minutes(10));
  EXPECT_TRUE(Eventually([&] { return Get("/metrics").find("node=\"a\"") == std::string::npos; }));
  EXPECT_THAT(Get("/metrics"), HasSubstr("node=\"b\""));
}

TEST_F(MetricsTest, SeriesOfARemovedNodeVanish) {
  MakeTraffic();
  EXPECT_EQ(Metric(R"(eldr_node_state{model="m",node="a",state="ready"})"), 1);
  EXPECT_EQ(Metric(R"(eldr_node_state{model="m",node="a",state="lost"})"), 0);
  EXPECT_EQ(Metric(R"(eldr_node_reported_running{model="m",node="a"})"), 2);
  EXPECT_EQ(Metric(R"(eldr_node_reported_kv_usage_ratio{model="m",node="a"})"), 0.5);
  EXPECT_EQ(Metric(R"(eldr_node_draining{model="m",node="a"})"), 0);
  EXPECT_EQ(Metric(R"(eldr_node_reported_step_seconds{model="m",node="a"})"), 0.01);
  EXPECT_EQ(Metric(R"(eldr_node_heartbeat_age_seconds{model="m",node="a"})"), 0);
  EXPECT_EQ(Metric(R"(eldr_node_heartbeat_age_seconds{model="m",node="b"})"), -1) << "sends none";
  EXPECT_EQ(Metric(R"(eldr_node_leases{model="m",node="a"})") +
                Metric(R"(eldr_node_leases{model="m",node="b"})"),
            2);

  v1::RemoveNodeRequest request;
  request.set_node_id("a");
  grpc::ClientContext context;
  v1::RemoveNodeResponse response;
  ASSERT_THAT(FromGrpc(fleet_->RemoveNode(&context, request, &response)), IsOk());
  EXPECT_THAT(Get("/metrics"), Not(HasSubstr("node=\"a\"")));
  EXPECT_THAT(Get("/metrics"), HasSubstr("node=\"b\""));
}

TEST(ModelMetricsTest, ModelsAreFoundByNameOnceAdded) {
  prometheus::Registry registry;
  Metrics metrics(registry, 3);
  EXPECT_EQ(metrics.FindModel("a"), nullptr);
  for (const char* const name : {"a", "b", "c"}) metrics.AddModel(name, "residency");
  ModelMetrics* const a = metrics.FindModel("a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->model(), "a");
  metrics.AddModel("a", "residency");
  EXPECT_EQ(metrics.FindModel("a"), a);
  EXPECT_EQ(metrics.FindModel("d"), nullptr);
  metrics.AddModel("d", "residency");
  EXPECT_EQ(metrics.FindModel("d"), nullptr) << "beyond the bound";
}

}  // namespace
}  // namespace eldr

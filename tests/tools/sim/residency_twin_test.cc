// The residency policy against a second implementation, decision by decision: straight from the
// formulas (design: section 3), in floating point, with everything computed anew each time.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/base/status_macros.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/tools/sim/small_config.h"
#include "tools/sim/cell.h"
#include "tools/sim/forwarding_backend.h"
#include "tools/sim/traffic.h"

namespace eldr::sim {
namespace {

using Activation = std::vector<double>;  // by cell

// Lets the backend below decide, and notes how much its choice costs above the least by the book.
// Reports reach it without step times, so that it learns none, and before each decision, so that it
// knows the loads as they are.
class Twin final : public ForwardingBackend {
 public:
  Twin(replay::PlacementBackend& below, const ModelGeometry& geometry,
       const PolicySettings& settings)
      : ForwardingBackend(below),
        geometry_(geometry),
        settings_(settings),
        prior_(geometry.cells(), static_cast<double>(geometry.top_k) / geometry.experts) {}

  double worst_excess() const { return worst_excess_; }
  std::size_t decisions() const { return decisions_; }
  std::size_t telling() const { return telling_; }

  absl::Status RegisterNode(MonotonicTime now, const NodeSpec& node) override {
    nodes_[node.node_id];
    return ForwardingBackend::RegisterNode(now, node);
  }
  absl::Status PushSignature(MonotonicTime now, absl::string_view request_id,
                             const SignatureData& signature) override {
    const auto& dense = std::get<SignatureData::Dense>(signature.counts);
    EXPECT_EQ(dense.width, CountWidth::k8);
    Activation frequency;
    for (const char count : dense.bytes) {
      frequency.push_back(static_cast<unsigned char>(count) /
                          static_cast<double>(signature.tokens));
    }
    pushed_ = {std::string(request_id), std::move(frequency),
               static_cast<double>(signature.tokens)};
    return ForwardingBackend::PushSignature(now, request_id, signature);
  }
  absl::Status Heartbeat(MonotonicTime, const NodeReport&) override { return absl::OkStatus(); }

  absl::StatusOr<std::optional<std::string>> Place(MonotonicTime now,
                                                   const replay::PlaceQuery& query) override {
    for (const auto& [id, requests] : nodes_) {
      NodeReport report;
      report.node_id = id;
      report.running = static_cast<std::uint32_t>(requests.size());
      ELDR_RETURN_IF_ERROR(ForwardingBackend::Heartbeat(now, report));
    }
    EXPECT_EQ(pushed_.request_id, query.request_id);
    const Activation activation = Estimate();
    Learn();
    ELDR_ASSIGN_OR_RETURN(auto placed, ForwardingBackend::Place(now, query));
    if (!placed.has_value()) return absl::InternalError("no node");
    std::vector<double> costs;
    for (const auto& [id, requests] : nodes_) costs.push_back(Cost(requests, activation));
    const double least = *std::min_element(costs.begin(), costs.end());
    const double chosen = Cost(nodes_.at(*placed), activation);
    worst_excess_ = std::max(worst_excess_, chosen / least - 1);
    ++decisions_;
    if (*std::max_element(costs.begin(), costs.end()) > 1.02 * least) ++telling_;
    nodes_.at(*placed)[std::string(query.request_id)] = activation;
    return placed;
  }
  absl::Status Release(MonotonicTime now, absl::string_view request_id,
                       std::uint64_t output_tokens) override {
    for (auto& [id, requests] : nodes_) requests.erase(std::string(request_id));
    return ForwardingBackend::Release(now, request_id, output_tokens);
  }

 private:
  using Requests = std::map<std::string, Activation>;

  Activation Estimate() const {
    const EstimateParameters& estimate = settings_.estimate;
    const double n = pushed_.tokens * estimate.n0 / (pushed_.tokens + estimate.n0);
    Activation activation(prior_.size());
    for (std::size_t i = 0; i < prior_.size(); ++i) {
      const double p =
          (n * pushed_.frequency[i] + estimate.kappa * prior_[i]) / (n + estimate.kappa);
      activation[i] = std::min(estimate.p_max, p);
    }
    return activation;
  }
  void Learn() {
    ++learned_;
    const double step = std::min(static_cast<double>(learned_) + 16, 1000.0);
    for (std::size_t i = 0; i < prior_.size(); ++i) {
      prior_[i] += (pushed_.frequency[i] - prior_[i]) / step;
    }
  }
  double Cost(const Requests& requests, const Activation& newcomer) const {
    double before = 0, after = 0;
    for (std::size_t i = 0; i < newcomer.size(); ++i) {
      double untouched = 1;
      for (const auto& [id, activation] : requests) untouched *= 1 - activation[i];
      before += 1 - untouched;
      after += 1 - untouched * (1 - newcomer[i]);
    }
    const auto batch = static_cast<double>(requests.size());
    const StepTimeShape& shape = settings_.step_time;
    const auto time = [&](double experts, double size) {
      return absl::ToDoubleSeconds(shape.base) +
             absl::ToDoubleSeconds(shape.all_experts) * experts /
                 static_cast<double>(geometry_.cells()) +
             absl::ToDoubleSeconds(shape.per_request) * size;
    };
    const double t1 = time(after, batch + 1);
    return t1 + settings_.w * batch * (t1 - time(before, batch));
  }

  const ModelGeometry geometry_;
  const PolicySettings settings_;
  std::map<std::string, Requests> nodes_;
  struct Pushed {
    std::string request_id;
    Activation frequency;
    double tokens = 0;
  } pushed_;
  Activation prior_;
  std::size_t learned_ = 0;
  double worst_excess_ = 0;
  std::size_t decisions_ = 0;
  std::size_t telling_ = 0;
};

TEST(ResidencyTwinTest, TheFastPolicyTakesTheNodeThatTheSlowOneWould) {
  SimConfig config = SmallConfig();
  config.traffic.rate = 30;
  config.settings.objective = "median";  // costs alone
  config.settings.step_time.per_context_token = absl::ZeroDuration();
  const auto trace = replay::LoadTrace(config.trace, {config.signature_tokens, config.experts});
  ASSERT_THAT(trace, IsOk());
  const auto setup = SetUpSeed(config, *trace, nullptr, 1);
  ASSERT_THAT(setup, IsOk());
  const auto traffic =
      Traffic::Create(config.traffic, config.replay.duration, *trace, setup->pool, {}, 1);
  ASSERT_THAT(traffic, IsOk());
  const auto backend = MakeBackend(config, *trace, *setup, "residency");
  ASSERT_THAT(backend, IsOk());
  Twin twin(**backend, trace->geometry, config.settings);
  ASSERT_THAT(replay::Replay(*trace, config.replay, **traffic, twin), IsOk());
  EXPECT_GT(twin.decisions(), 250u);
  EXPECT_GT(twin.telling(), twin.decisions() / 2);
  // Codes of a byte are off by up to 0.2 % in what a request adds.
  EXPECT_LT(twin.worst_excess(), 0.005);
}

// The union of a step against a flag per expert.
TEST(StepUnionTwinTest, StepsHoldTheUnionOfTheirRowsExperts) {
  const auto trace = replay::LoadTrace(ELDR_TEST_TRACE, {});
  ASSERT_THAT(trace, IsOk());
  replay::StepUnion fast(trace->rows);
  replay::RandomStream stream(1, 1);
  for (int step = 0; step < 200; ++step) {
    std::vector<std::size_t> rows(1 + stream.Below(40));
    for (std::size_t& row : rows) row = stream.Below(trace->rows.rows());
    std::vector<bool> seen(trace->geometry.cells());
    for (const std::size_t row : rows) {
      for (std::size_t cell = 0; cell < seen.size(); ++cell) {
        if ((trace->rows.Row(row)[cell / 64] >> (cell % 64) & 1) != 0) seen[cell] = true;
      }
    }
    EXPECT_EQ(fast.Count(rows), std::count(seen.begin(), seen.end(), true));
  }
}

}  // namespace
}  // namespace eldr::sim

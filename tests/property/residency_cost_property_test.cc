// A naive twin of the residency policy agrees with the router's costs and choices.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/policy/residency_policy.h"
#include "core/route/router.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/naive_estimate.h"
#include "tests/core/test_seed.h"
#include "tests/core/test_signature.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace eldr {

// Names the cases; gtest finds it by the parameter's type.
void PrintTo(const PolicySettings& settings, std::ostream* os) {
  *os << settings.objective << ", w " << settings.w << ", kappa " << settings.estimate.kappa
      << ", per_context_token " << settings.step_time.per_context_token;
}

namespace {

constexpr absl::string_view kModel = "moe";

// Straight from the formulas of the design, in double precision; keeps what each request activates
// and derives everything anew each time.
class NaiveTwin {
 public:
  NaiveTwin(const ModelGeometry& geometry, const PolicySettings& settings)
      : geometry_(geometry),
        settings_(settings),
        prior_(geometry.cells(), static_cast<double>(geometry.top_k) / geometry.experts) {}

  struct Request {
    std::vector<double> activation;  // of one token of one sequence
    double sequences = 1;
    double context_tokens = 0;
  };

  Request MakeRequest(const TestSignature* signature, double sequences,
                      double context_tokens) const {
    return {NaiveEstimate(signature, prior_, geometry_, settings_.estimate), sequences,
            context_tokens};
  }
  struct Score {
    double cost = 0;
    double step_time = 0;  // with the request
  };
  double Cost(const std::string& node, const Request& request) const {
    return ScoreOf(node, request).cost;
  }
  // The step time of one of `nodes` nodes with its even share, and so many requests more, if
  // requests were spread as they come.
  double MixedStepTime(std::size_t nodes, std::uint32_t spare, const Request& request) const {
    double load = request.sequences, context = request.context_tokens;
    for (const auto& [node, requests] : nodes_) {
      for (const auto& [id, other] : requests) {
        load += other.sequences;
        context += other.context_tokens;
      }
    }
    const auto count = static_cast<double>(nodes);
    const double batch = std::ceil(load / count) + spare * request.sequences;
    double experts = 0;
    for (const double chance : prior_) experts += 1 - std::pow(1 - chance, batch);
    return StepTime(experts, batch, context / count + spare * request.context_tokens);
  }
  Score ScoreOf(const std::string& node, const Request& request) const {
    double load = 0, context = 0;
    std::vector<double> x(geometry_.cells(), 0);
    const auto it = nodes_.find(node);
    if (it != nodes_.end()) {
      for (const auto& [id, other] : it->second) {
        load += other.sequences;
        context += other.context_tokens;
        for (std::size_t i = 0; i < x.size(); ++i) x[i] += Hazard(other, i);
      }
    }
    double expected = 0, marginal = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double s = std::exp(-x[i]);
      expected += 1 - s;
      marginal += (1 - std::exp(-Hazard(request, i))) * s;
    }
    const double t0 = StepTime(expected, load, context);
    const double t1 =
        StepTime(expected + marginal, load + request.sequences, context + request.context_tokens);
    return {t1 + ObjectiveOf(settings_.objective, settings_.w).w * load * (t1 - t0), t1};
  }
  void Add(const std::string& node, const std::string& request_id, const Request& request) {
    nodes_[node][request_id] = request;
  }
  void Remove(const std::string& request_id) {
    for (auto& [node, requests] : nodes_) requests.erase(request_id);
  }
  void Learn(const TestSignature& signature) {
    const double weight = std::min(learned_++ + 16, 1000);
    for (std::size_t i = 0; i < prior_.size(); ++i) {
      const double f = static_cast<double>(signature.counts[i]) / signature.tokens;
      prior_[i] += (f - prior_[i]) / weight;
    }
  }

 private:
  static double Hazard(const Request& request, std::size_t cell) {
    return -std::log(1 - request.activation[cell]) * request.sequences;
  }
  double StepTime(double experts, double batch, double context) const {
    const StepTimeShape& shape = settings_.step_time;
    return absl::ToDoubleSeconds(shape.base) +
           absl::ToDoubleSeconds(shape.all_experts) * experts /
               static_cast<double>(geometry_.cells()) +
           absl::ToDoubleSeconds(shape.per_request) * batch +
           absl::ToDoubleSeconds(shape.per_context_token) * context;
  }

  const ModelGeometry geometry_;
  const PolicySettings settings_;
  std::vector<double> prior_;
  int learned_ = 0;
  std::map<std::string, std::map<std::string, Request>> nodes_;
};

// A code is within 3.8 % of its hazard. The errors of cells cancel, but not fully, because cells
// with equal counts share theirs: a request's marginal experts are off by up to 1 %, and its cost,
// of which they are a part, by less. Most of that is the same on every node, so it hardly touches
// the choice.
constexpr double kCostError = 0.01;
constexpr double kRegret = 0.005;
// Of a step time against the limit, whose prior is up to a sixteenth of its requests old.
constexpr double kGuardError = 0.02;

class ResidencyCostPropertyTest : public ::testing::TestWithParam<PolicySettings> {};

TEST_P(ResidencyCostPropertyTest, CostsAndChoicesAgreeUpToQuantisation) {
  SCOPED_TRACE(SeedNote());
  std::mt19937_64 rng = SeededRng();
  const PolicySettings& settings = GetParam();
  const ModelGeometry geometry = {8, 64, 4, {}};
  FakeClock clock;
  RouterObserver observer;
  const auto router = Router::Create({}, clock, observer).value();
  ASSERT_THAT(router->DeclareModel({std::string(kModel), geometry, settings}), IsOk());
  std::vector<std::string> nodes;
  for (int i = 0; i < 12; ++i) {
    NodeSpec spec;
    spec.node_id = nodes.emplace_back(absl::StrCat("n", i));
    spec.model = std::string(kModel);
    spec.address = "address";
    ASSERT_THAT(router->RegisterNode(spec), IsOk());
  }

  NaiveTwin twin(geometry, settings);
  std::vector<std::string> live;
  int avoided = 0, not_avoided = 0;
  for (int i = 0; i < 400; ++i) {
    if (live.size() > 80 || (!live.empty() && rng() % 4 == 0)) {
      std::swap(live[rng() % live.size()], live.back());
      ASSERT_THAT(router->Release({{kModel, live.back(), 0}, {}, {}}),
                  IsOkAndHolds(LeaseOutcome::kDone));
      twin.Remove(live.back());
      live.pop_back();
      continue;
    }
    const std::string request_id = absl::StrCat("r", i);
    TestSignature signature =
        RandomSignature(geometry, 1 + static_cast<std::uint32_t>(rng() % 300), rng);
    PlacementQuery query;
    query.model = kModel;
    query.request_id = request_id;
    query.sequences = rng() % 5 == 0 ? 1 + static_cast<std::uint32_t>(rng() % 4) : 1;
    query.context_tokens = rng() % 20'000;
    const bool known = rng() % 8 != 0;
    if (known) query.signature = signature.Dense();
    ASSERT_THAT(router->Place(query), IsOk());

    const auto explanation = router->Explain(kModel, request_id);
    ASSERT_THAT(explanation, IsOk());
    const NaiveTwin::Request request = twin.MakeRequest(
        known ? &signature : nullptr, query.sequences, static_cast<double>(query.context_tokens));
    // Where the guard is, what is near it may be on either side.
    const auto spare = ObjectiveOf(settings.objective, settings.w).spare_requests;
    const double limit = spare ? twin.MixedStepTime(nodes.size(), *spare, request)
                               : std::numeric_limits<double>::infinity();
    double least = std::numeric_limits<double>::infinity();
    bool all_avoided = true;
    for (const std::string& node : nodes) {
      if (twin.ScoreOf(node, request).step_time > limit * (1 - kGuardError)) continue;
      all_avoided = false;
      least = std::min(least, twin.Cost(node, request));
    }
    ASSERT_EQ(explanation->receipt.candidates.size(), nodes.size());
    for (const ReceiptCandidate& candidate : explanation->receipt.candidates) {
      const double cost = twin.Cost(candidate.node_id, request);
      ASSERT_NEAR(candidate.cost, cost, kCostError * cost) << request_id;
      const double step_time = twin.ScoreOf(candidate.node_id, request).step_time;
      if (std::abs(step_time / limit - 1) > kGuardError) {
        ASSERT_EQ(candidate.avoided, step_time > limit)
            << request_id << " on " << candidate.node_id;
        ++(candidate.avoided ? avoided : not_avoided);
      }
    }
    const std::string& chosen = explanation->receipt.node_id;
    if (!all_avoided) {
      ASSERT_LE(twin.Cost(chosen, request), least * (1 + kRegret)) << request_id;
      ASSERT_LE(twin.ScoreOf(chosen, request).step_time, limit * (1 + kGuardError)) << request_id;
    }

    twin.Add(chosen, request_id, request);
    if (known) twin.Learn(signature);
    live.push_back(request_id);
  }
  EXPECT_GT(not_avoided, 0);
  if (settings.objective == "tail") {
    EXPECT_GT(avoided, 0);
  }
}

PolicySettings WithWeight(double w) {
  PolicySettings settings;
  settings.w = w;
  return settings;
}

PolicySettings WithObjective(const std::string& objective) {
  PolicySettings settings;
  settings.objective = objective;
  return settings;
}

PolicySettings WithContextCost() {
  PolicySettings settings;
  settings.step_time.per_context_token = absl::Nanoseconds(20);
  settings.estimate = {.kappa = 8, .p_max = 0.9, .n0 = 100};
  return settings;
}

INSTANTIATE_TEST_SUITE_P(Settings, ResidencyCostPropertyTest,
                         ::testing::Values(WithWeight(1), WithWeight(0), WithWeight(3),
                                           WithContextCost(), WithObjective("median"),
                                           WithObjective("tail")));

}  // namespace
}  // namespace eldr

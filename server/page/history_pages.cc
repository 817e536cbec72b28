// /history and /gain.
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "server/page/api_context.h"
#include "server/page/json_writer.h"
#include "server/service/history_service.h"

namespace eldr {
namespace {

using Value = std::optional<double>;

// A mean over points, each weighed by how much it is the mean of.
class WeighedMean {
 public:
  void Add(float mean, double weight) {
    if (!std::isfinite(mean) || weight <= 0) return;
    sum_ += mean * weight;
    weight_ += weight;
  }
  Value value() const { return weight_ > 0 ? Value(sum_ / weight_) : std::nullopt; }

 private:
  double sum_ = 0;
  double weight_ = 0;
};

Value Change(Value value, Value against) {
  if (!value.has_value() || !against.has_value() || *against == 0) return std::nullopt;
  return *value / *against - 1;
}

// What the points say together.
struct Gain {
  double window_seconds = 0;
  std::uint64_t placements = 0, compared = 0, decisions = 0, agrees = 0;
  WeighedMean chosen, mean_candidate, saved, predicted, reported, made, shadow;

  explicit Gain(const std::vector<HistoryPoint>& points) {
    for (const HistoryPoint& point : points) Add(point);
  }

 private:
  void Add(const HistoryPoint& point) {
    window_seconds += point.duration_seconds;
    placements += point.placements;
    compared += point.compared_placements;
    decisions += point.shadow_decisions;
    agrees += point.shadow_agrees;
    chosen.Add(point.marginal_experts, point.compared_placements);
    mean_candidate.Add(point.candidate_marginal_experts, point.compared_placements);
    saved.Add(
        (point.candidate_marginal_experts - point.marginal_experts) * point.per_expert_seconds,
        point.compared_placements);
    predicted.Add(point.predicted_step_seconds, point.duration_seconds);
    reported.Add(point.reported_step_seconds, point.duration_seconds);
    made.Add(point.cost_made_seconds, point.shadow_decisions);
    shadow.Add(point.cost_shadow_seconds, point.shadow_decisions);
  }
};

void AddShadow(JsonWriter& json, const Gain& gain, const std::string& policy) {
  json.Key("shadow");
  if (policy.empty()) {
    json.Null();
    return;
  }
  json.BeginObject().Field("policy", policy).Field("decisions", gain.decisions);
  json.Field("agrees", gain.agrees).Field("cost_made_seconds", gain.made.value());
  json.Field("cost_shadow_seconds", gain.shadow.value());
  json.Field("change_ratio", Change(gain.made.value(), gain.shadow.value())).End();
}

std::string GainJson(const ModelSpec& model, const Gain& gain) {
  const Value saved = gain.saved.value();
  const Value predicted = gain.predicted.value();
  // Against the steps as they would be without what was saved.
  Value change;
  if (saved.has_value() && predicted.value_or(0) > 0) change = -*saved / (*predicted + *saved);
  JsonWriter json;
  json.BeginObject().Field("model", model.name).Field("window_seconds", gain.window_seconds);
  json.Field("placements", gain.placements).Field("policy", model.settings.policy);
  json.Key("marginal_experts").BeginObject().Field("placements", gain.compared);
  json.Field("chosen", gain.chosen.value()).Field("mean_candidate", gain.mean_candidate.value());
  json.Field("change_ratio", Change(gain.chosen.value(), gain.mean_candidate.value())).End();
  json.Key("step_time").BeginObject().Field("saved_seconds", saved);
  json.Field("predicted_seconds", predicted).Field("reported_seconds", gain.reported.value());
  json.Field("change_ratio", change).End();
  AddShadow(json, gain, model.settings.shadow_policy);
  json.End();
  return std::move(json).Take();
}

}  // namespace

absl::StatusOr<std::string> HistoryPage(ApiContext& context, const Query& query) {
  ELDR_RETURN_IF_ERROR(query.CheckKnown({"model"}));
  ELDR_ASSIGN_OR_RETURN(const std::string model, ModelOf(context, query));
  return context.shared.Get("history " + model, [&]() -> absl::StatusOr<std::string> {
    v1::GetHistoryRequest request;
    request.set_model(model);
    v1::GetHistoryResponse response;
    ELDR_RETURN_IF_ERROR(GetHistory(context.service, request, &response));
    return ProtoJson(response);
  });
}

absl::StatusOr<std::string> GainPage(ApiContext& context, const Query& query) {
  ELDR_RETURN_IF_ERROR(query.CheckKnown({"model"}));
  ELDR_ASSIGN_OR_RETURN(const std::string model, ModelOf(context, query));
  ELDR_ASSIGN_OR_RETURN(const ModelDescription description, context.router().DescribeModel(model));
  return GainJson(description.spec, Gain(context.history.Points(model)));
}

}  // namespace eldr

// /models and /prior.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "core/base/status_macros.h"
#include "server/convert/proto_convert.h"
#include "server/page/api_context.h"
#include "server/page/cells.h"
#include "server/page/json_writer.h"

namespace eldr {
namespace {

constexpr std::size_t kMostStrongest = 10;

// exp(entropy) of the layer's shares: as many equally likely experts would be as hard to guess.
double EffectiveExperts(absl::Span<const float> layer) {
  const double sum = std::accumulate(layer.begin(), layer.end(), 0.0);
  double entropy = 0;
  for (const float chance : layer) {
    if (chance > 0) entropy -= chance / sum * std::log(chance / sum);
  }
  return std::exp(entropy);
}

void AddStrongest(JsonWriter& json, absl::Span<const float> activation, std::size_t experts) {
  std::vector<std::size_t> cells(activation.size());
  std::iota(cells.begin(), cells.end(), std::size_t{0});
  const std::size_t shown = std::min(kMostStrongest, cells.size());
  std::partial_sort(cells.begin(), cells.begin() + static_cast<std::ptrdiff_t>(shown), cells.end(),
                    [&](std::size_t a, std::size_t b) { return activation[a] > activation[b]; });
  json.Key("strongest").BeginArray();
  for (std::size_t i = 0; i < shown; ++i) {
    json.BeginObject().Field("layer", cells[i] / experts).Field("expert", cells[i] % experts);
    json.Field("activation", activation[cells[i]]).End();
  }
  json.End();
}

}  // namespace

absl::StatusOr<std::string> ModelsPage(ApiContext& context, const Query& query) {
  ELDR_RETURN_IF_ERROR(query.CheckKnown({}));
  JsonWriter json;
  json.BeginObject();
  AddModels(json, context.router().ListModels());
  json.End();
  return std::move(json).Take();
}

absl::StatusOr<std::string> PriorPage(ApiContext& context, const Query& query) {
  ELDR_RETURN_IF_ERROR(query.CheckKnown({"model"}));
  ELDR_ASSIGN_OR_RETURN(const std::string model, ModelOf(context, query));
  ELDR_ASSIGN_OR_RETURN(const ModelDescription description, context.router().DescribeModel(model));
  ELDR_ASSIGN_OR_RETURN(const ActivationPrior::Learned prior, context.router().CopyPrior(model));
  const ModelGeometry& geometry = description.spec.geometry;
  const absl::Span<const float> activation = prior.activation;
  double effective = 0;
  for (std::size_t at = 0; at < activation.size(); at += geometry.experts) {
    effective += EffectiveExperts(activation.subspan(at, geometry.experts));
  }
  JsonWriter json;
  json.BeginObject().Field("model", model).Field("learned_requests", prior.requests);
  json.Field("layers", geometry.layers).Field("experts", geometry.experts);
  json.Field("scale", kCellScale).Field("activation", PackCells(activation));
  json.Field("effective_experts_per_layer", effective / geometry.layers);
  AddStrongest(json, activation, geometry.experts);
  json.End();
  return std::move(json).Take();
}

void AddModels(JsonWriter& json, const std::vector<ModelDescription>& models) {
  json.Key("models").BeginArray();
  for (const ModelDescription& model : models) {
    v1::DescribeModelResponse described;
    ToProto(model, &described);
    json.Raw(ProtoJson(described));
  }
  json.End();
}

}  // namespace eldr

// /residency and /residency/compare.
#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

#include "core/base/status_macros.h"
#include "server/page/api_context.h"
#include "server/page/cells.h"
#include "server/page/json_writer.h"

namespace eldr {
namespace {

constexpr std::size_t kMostDifferent = 20;

void AddSide(JsonWriter& json, const char* name, absl::string_view node,
             const Residency& residency) {
  const double experts =
      std::accumulate(residency.activation.begin(), residency.activation.end(), 0.0);
  json.Key(name).BeginObject().Field("node", node).Field("expert_group", residency.expert_group);
  json.Field("leases", residency.leases);
  json.Field("expected_experts_per_layer", experts / residency.geometry.layers).End();
}

void AddMostDifferent(JsonWriter& json, const Residency& a, const Residency& b) {
  const auto difference = [&](std::size_t cell) {
    return std::abs(a.activation[cell] - b.activation[cell]);
  };
  std::vector<std::size_t> cells(a.activation.size());
  std::iota(cells.begin(), cells.end(), std::size_t{0});
  const std::size_t shown = std::min(kMostDifferent, cells.size());
  std::partial_sort(cells.begin(), cells.begin() + static_cast<std::ptrdiff_t>(shown), cells.end(),
                    [&](std::size_t x, std::size_t y) { return difference(x) > difference(y); });
  json.Key("most_different").BeginArray();
  for (std::size_t i = 0; i < shown && difference(cells[i]) > 0; ++i) {
    json.BeginObject();
    json.Field("layer", cells[i] / a.geometry.experts);
    json.Field("expert", cells[i] % a.geometry.experts);
    json.Field("a", a.activation[cells[i]]).Field("b", b.activation[cells[i]]).End();
  }
  json.End();
}

void AddDistances(JsonWriter& json, const Residency& a, const Residency& b) {
  const Cells cells_a = Quantize(a.activation);
  const Cells cells_b = Quantize(b.activation);
  const bool comparable = a.leases > 0 && b.leases > 0;
  using Distance = std::optional<double>;
  json.Field("cosine_distance", comparable ? CosineDistance(cells_a, cells_b) : Distance());
  json.Field("jaccard_distance", comparable ? JaccardDistance(cells_a, cells_b) : Distance());
  json.Key("layer_jaccard_distance").BeginArray();
  const std::size_t experts = a.geometry.experts;
  for (std::size_t at = 0; at < cells_a.size(); at += experts) {
    json.Value(comparable ? JaccardDistance(absl::MakeConstSpan(cells_a).subspan(at, experts),
                                            absl::MakeConstSpan(cells_b).subspan(at, experts))
                          : Distance());
  }
  json.End();
}

}  // namespace

absl::StatusOr<std::string> ResidencyPage(ApiContext& context, const Query& query) {
  ELDR_RETURN_IF_ERROR(query.CheckKnown({"node"}));
  ELDR_ASSIGN_OR_RETURN(const Residency residency, ResidencyOf(context, query, "node"));
  JsonWriter json;
  json.BeginObject().Field("model", residency.model).Field("node", query.Text("node"));
  json.Field("expert_group", residency.expert_group);
  json.Field("layers", residency.geometry.layers).Field("experts", residency.geometry.experts);
  json.Field("leases", residency.leases).Field("scale", kCellScale);
  json.Field("activation", PackCells(residency.activation)).End();
  return std::move(json).Take();
}

absl::StatusOr<std::string> ComparePage(ApiContext& context, const Query& query) {
  ELDR_RETURN_IF_ERROR(query.CheckKnown({"a", "b"}));
  ELDR_ASSIGN_OR_RETURN(const Residency a, ResidencyOf(context, query, "a"));
  ELDR_ASSIGN_OR_RETURN(const Residency b, ResidencyOf(context, query, "b"));
  if (a.model != b.model) {
    return RefuseField(absl::StatusCode::kInvalidArgument, "b", query.Text("b"),
                       "a node of the same model as a, \"" + a.model + "\"");
  }
  JsonWriter json;
  json.BeginObject();
  AddSide(json, "a", query.Text("a"), a);
  AddSide(json, "b", query.Text("b"), b);
  json.Field("model", a.model).Field("layers", a.geometry.layers);
  json.Field("experts", a.geometry.experts);
  AddDistances(json, a, b);
  AddMostDifferent(json, a, b);
  json.End();
  return std::move(json).Take();
}

}  // namespace eldr

// /residency/fleet: all groups of a model as small pictures, and how far they differ.
#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/page/api_context.h"
#include "server/page/cells.h"
#include "server/page/json_writer.h"

namespace eldr {
namespace {

// Bounds what one answer reads from the router and holds, some tens of milliseconds and 16 MiB.
constexpr std::size_t kMostCells = 16 << 20;
constexpr std::size_t kMostGroups = 1024;
// Comparing all pairs grows with their square.
constexpr std::size_t kMostJaccardGroups = 32;

struct Group {
  std::string name;
  std::string node;  // one of it
  std::uint32_t nodes = 0;
  std::uint32_t leases = 0;
  Cells cells;
};

// Those after `after`, by name, without their cells.
absl::StatusOr<std::vector<Group>> ListGroups(const ApiContext& context, const std::string& model,
                                              absl::string_view after) {
  ELDR_ASSIGN_OR_RETURN(const std::vector<NodeStatus> nodes, context.router().ListNodes(model));
  std::map<std::string, Group> groups;
  for (const NodeStatus& node : nodes) {
    const std::string& name = node.spec.group_name();
    if (name <= after) continue;
    Group& group = groups[name];
    if (group.nodes++ == 0) {
      group.name = name;
      group.node = node.spec.node_id;
    }
    group.leases += node.leases;
  }
  std::vector<Group> list;
  list.reserve(groups.size());
  for (auto& [name, group] : groups) list.push_back(std::move(group));
  return list;
}

// Reads the cells of the first `most`; a group whose node has gone meanwhile is left out.
std::vector<Group> ReadCells(const ApiContext& context, std::vector<Group> groups,
                             std::size_t most) {
  std::vector<Group> read;
  for (std::size_t i = 0; i < std::min(groups.size(), most); ++i) {
    auto residency = context.router().GetResidency(groups[i].node);
    if (!residency.ok()) continue;
    groups[i].cells = Quantize(residency->activation);
    groups[i].leases = residency->leases;
    read.push_back(std::move(groups[i]));
  }
  return read;
}

std::vector<const Group*> WithLeases(const std::vector<Group>& groups) {
  std::vector<const Group*> used;
  for (const Group& group : groups) {
    if (group.leases > 0) used.push_back(&group);
  }
  return used;
}

Cells MeanOf(const std::vector<const Group*>& groups, std::size_t cells) {
  std::vector<std::uint32_t> sums(cells);
  for (const Group* group : groups) {
    for (std::size_t i = 0; i < cells; ++i) sums[i] += group->cells[i];
  }
  Cells mean(cells);
  const auto count = static_cast<std::uint32_t>(std::max<std::size_t>(1, groups.size()));
  for (std::size_t i = 0; i < cells; ++i) {
    mean[i] = static_cast<std::uint8_t>((sums[i] + count / 2) / count);
  }
  return mean;
}

// The mean over all pairs, by the length of the sum of unit vectors: no pair is looked at.
std::optional<double> MeanCosineDistance(const std::vector<const Group*>& groups,
                                         std::size_t cells) {
  std::vector<double> sum(cells);
  double count = 0;
  for (const Group* group : groups) {
    double squared = 0;
    for (const std::uint8_t cell : group->cells) squared += double{1} * cell * cell;
    if (squared == 0) continue;
    const double length = std::sqrt(squared);
    for (std::size_t i = 0; i < cells; ++i) sum[i] += group->cells[i] / length;
    ++count;
  }
  if (count < 2) return std::nullopt;
  double squared = 0;
  for (const double value : sum) squared += value * value;
  return std::clamp(1 - (squared - count) / (count * (count - 1)), 0.0, 1.0);
}

std::optional<double> MeanJaccardDistance(const std::vector<const Group*>& groups,
                                          std::size_t& compared) {
  compared = std::min(groups.size(), kMostJaccardGroups);
  double sum = 0;
  std::size_t pairs = 0;
  const auto at = [&](std::size_t i) { return groups[i * groups.size() / compared]; };
  for (std::size_t i = 0; i < compared; ++i) {
    for (std::size_t j = i + 1; j < compared; ++j) {
      const std::optional<double> distance = JaccardDistance(at(i)->cells, at(j)->cells);
      if (!distance.has_value()) continue;
      sum += *distance;
      ++pairs;
    }
  }
  if (pairs == 0) return std::nullopt;
  return sum / static_cast<double>(pairs);
}

void AddGroups(JsonWriter& json, const std::vector<Group>& groups, const ModelGeometry& geometry,
               const Picture& picture, const Cells& mean) {
  json.Key("groups").BeginArray();
  for (const Group& group : groups) {
    json.BeginObject().Field("expert_group", group.name).Field("node", group.node);
    json.Field("nodes", group.nodes).Field("leases", group.leases);
    json.Field("cells", Base64(picture.Draw(geometry, group.cells)));
    json.Field("distance_to_mean",
               group.leases > 0 ? CosineDistance(group.cells, mean) : std::optional<double>());
    json.End();
  }
  json.End();
}

void AddDifference(JsonWriter& json, const std::vector<const Group*>& used, std::size_t cells) {
  std::size_t compared = 0;
  const std::optional<double> jaccard = MeanJaccardDistance(used, compared);
  json.Key("difference").BeginObject().Field("groups", used.size());
  json.Field("mean_cosine_distance", MeanCosineDistance(used, cells));
  json.Field("mean_jaccard_distance", jaccard).Field("jaccard_groups", compared).End();
}

absl::StatusOr<std::string> MakeFleetResidency(const ApiContext& context, const std::string& model,
                                               absl::string_view after) {
  ELDR_ASSIGN_OR_RETURN(const ModelDescription description, context.router().DescribeModel(model));
  const ModelGeometry& geometry = description.spec.geometry;
  const std::size_t cells = std::size_t{geometry.layers} * geometry.experts;
  const std::size_t most = std::clamp<std::size_t>(kMostCells / cells, 1, kMostGroups);
  ELDR_ASSIGN_OR_RETURN(std::vector<Group> all, ListGroups(context, model, after));
  const std::optional<std::string> next =
      all.size() > most ? std::optional<std::string>(all[most - 1].name) : std::nullopt;
  const std::vector<Group> groups = ReadCells(context, std::move(all), most);
  const std::vector<const Group*> used = WithLeases(groups);
  const Picture picture = Picture::Of(geometry);
  const Cells mean = MeanOf(used, cells);
  JsonWriter json;
  json.BeginObject().Field("time_seconds", context.now_seconds()).Field("model", model);
  json.Field("layers", geometry.layers).Field("experts", geometry.experts);
  json.Field("rows", picture.rows).Field("columns", picture.columns);
  json.Field("layers_per_row", picture.layers_per_row);
  json.Field("experts_per_column", picture.experts_per_column).Field("scale", kCellScale);
  AddGroups(json, groups, geometry, picture, mean);
  json.Field("mean", Base64(picture.Draw(geometry, mean)));
  AddDifference(json, used, cells);
  json.Field("next", next).End();
  return std::move(json).Take();
}

}  // namespace

absl::StatusOr<std::string> FleetResidencyPage(ApiContext& context, const Query& query) {
  ELDR_RETURN_IF_ERROR(query.CheckKnown({"model", "after"}));
  ELDR_ASSIGN_OR_RETURN(const std::string model, ModelOf(context, query));
  const absl::string_view after = query.Text("after");
  if (!after.empty()) return MakeFleetResidency(context, model, after);
  return context.shared.Get(absl::StrCat("residency ", model),
                            [&] { return MakeFleetResidency(context, model, after); });
}

}  // namespace eldr

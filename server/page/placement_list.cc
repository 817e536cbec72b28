#include "server/page/placement_list.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "eldr/v1/placement.pb.h"
#include "server/convert/placement_convert.h"
#include "server/page/json_writer.h"

namespace eldr {
namespace {

// Receipts that are looked at in one hold of the model's lock.
constexpr std::uint64_t kReceiptsAtOnce = 32;

struct Numbered {
  std::uint64_t sequence;
  Explanation explanation;
};

// The newest `limit` in (after, newest] on the node, and the lowest sequence that was looked at.
absl::StatusOr<std::vector<Numbered>> CopyReceipts(const Router& router, const std::string& model,
                                                   std::uint64_t after, std::uint64_t newest,
                                                   std::size_t limit, absl::string_view node) {
  std::vector<Numbered> copied;
  for (std::uint64_t last = newest; last > after && copied.size() < limit;) {
    const std::uint64_t first = last - std::min(last - after, kReceiptsAtOnce) + 1;
    std::uint64_t visited = 0;
    const auto copy = [&](std::uint64_t sequence, const Receipt& receipt, bool lease_held) {
      ++visited;
      if (copied.size() == limit || (!node.empty() && receipt.node_id != node)) return;
      copied.push_back({sequence, Explanation{receipt, {}, lease_held}});
    };
    ELDR_RETURN_IF_ERROR(router.VisitReceipts(model, first, last, copy).status());
    if (visited < last - first + 1) break;  // older ones are not kept
    last = first - 1;
  }
  return copied;
}

void AddPlacement(JsonWriter& json, const Numbered& numbered) {
  v1::ExplainPlacementResponse response;
  ToProto(numbered.explanation, &response);
  json.BeginObject().Field("sequence", numbered.sequence);
  json.Field("request_id", numbered.explanation.receipt.request_id);
  json.Key("placement").Raw(ProtoJson(response)).End();
}

}  // namespace

absl::StatusOr<PlacementList> ListPlacements(const Router& router, const std::string& model,
                                             std::optional<std::uint64_t> after, std::size_t limit,
                                             absl::string_view node) {
  PlacementList list;
  const auto none = [](std::uint64_t, const Receipt&, bool) {};
  ELDR_ASSIGN_OR_RETURN(list.sequence, router.VisitReceipts(model, 1, 0, none));
  if (after.has_value() && *after > list.sequence) after.reset();
  ELDR_ASSIGN_OR_RETURN(const std::vector<Numbered> copied,
                        CopyReceipts(router, model, after.value_or(0), list.sequence, limit, node));
  list.shown = copied.size();
  const std::uint64_t missed =
      after.has_value() && node.empty() ? list.sequence - *after - list.shown : 0;
  JsonWriter json;
  json.BeginObject().Field("model", model).Field("sequence", list.sequence);
  json.Field("missed", missed).Key("placements").BeginArray();
  for (const Numbered& numbered : copied) AddPlacement(json, numbered);
  json.End().End();
  list.json = std::move(json).Take();
  return list;
}

}  // namespace eldr

// /placements, /placement and /signatures.
#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/page/api_context.h"
#include "server/page/json_writer.h"
#include "server/page/placement_list.h"
#include "server/service/placement_operations.h"

namespace eldr {
namespace {

constexpr std::uint64_t kWorkerReceiptsAtOnce = 64;
constexpr std::size_t kMostWorkers = 256;

// What the newest receipts tell of a prefill worker.
struct Worker {
  std::uint64_t placements = 0;
  std::array<std::uint64_t, 3> by_quality{};
  std::uint64_t aged = 0;
  absl::Duration age_sum;
  absl::Duration max_age;
  absl::Time last;

  void Add(const Receipt& receipt) {
    ++placements;
    ++by_quality[static_cast<std::size_t>(receipt.signature_quality)];
    last = std::max(last, receipt.place_time);
    if (!receipt.signature_age.has_value()) return;
    ++aged;
    age_sum += *receipt.signature_age;
    max_age = std::max(max_age, *receipt.signature_age);
  }
};

// By name. `looked_at` receipts were.
absl::StatusOr<std::map<std::string, Worker>> CountWorkers(const Router& router,
                                                           const std::string& model,
                                                           std::uint64_t& looked_at) {
  std::map<std::string, Worker> workers;
  looked_at = 0;
  const auto count = [&](std::uint64_t, const Receipt& receipt, bool) {
    ++looked_at;
    workers[receipt.prefill_worker].Add(receipt);
  };
  const auto none = [](std::uint64_t, const Receipt&, bool) {};
  ELDR_ASSIGN_OR_RETURN(std::uint64_t last, router.VisitReceipts(model, 1, 0, none));
  while (last > 0) {
    const std::uint64_t first = last - std::min(last, kWorkerReceiptsAtOnce) + 1;
    const std::uint64_t before = looked_at;
    ELDR_RETURN_IF_ERROR(router.VisitReceipts(model, first, last, count).status());
    if (looked_at - before < last - first + 1) break;  // older ones are not kept
    last = first - 1;
  }
  return workers;
}

void AddQualities(JsonWriter& json, const std::array<std::uint64_t, 3>& by_quality) {
  for (std::size_t i = 0; i < by_quality.size(); ++i) {
    json.Field(Name(static_cast<SignatureQuality>(i)), by_quality[i]);
  }
}

void AddWorkers(JsonWriter& json, const std::map<std::string, Worker>& workers, absl::Time now) {
  using Entry = std::pair<std::string, Worker>;
  std::vector<Entry> list(workers.begin(), workers.end());
  std::stable_sort(list.begin(), list.end(), [](const Entry& a, const Entry& b) {
    return a.second.placements > b.second.placements;
  });
  if (list.size() > kMostWorkers) list.resize(kMostWorkers);
  json.Key("workers").BeginArray();
  for (const auto& [name, worker] : list) {
    json.BeginObject().Field("worker", name).Field("placements", worker.placements);
    AddQualities(json, worker.by_quality);
    const bool aged = worker.aged > 0;
    const double mean = aged ? absl::ToDoubleSeconds(worker.age_sum / worker.aged) : 0;
    json.Field("mean_age_seconds", aged ? std::optional(mean) : std::nullopt);
    json.Field("max_age_seconds",
               aged ? std::optional(absl::ToDoubleSeconds(worker.max_age)) : std::nullopt);
    json.Field("last_seconds_ago", absl::ToDoubleSeconds(now - worker.last)).End();
  }
  json.End();
}

void AddStored(JsonWriter& json, const ModelDescription& model, const Router::Options& options) {
  json.Key("stored").BeginObject().Field("signatures", model.stored_signatures);
  json.Field("bytes", model.stored_signature_bytes);
  json.Field("limit_bytes", options.signature_store_bytes);
  json.Field("keep_seconds", absl::ToDoubleSeconds(options.signature_ttl));
  json.Field("blocks", model.stored_blocks).Field("block_bytes", model.stored_block_bytes);
  json.Field("block_limit_bytes", options.block_store_bytes).End();
}

void AddLastHour(JsonWriter& json, const std::vector<HistoryPoint>& points) {
  std::uint64_t placements = 0;
  std::array<std::uint64_t, 3> by_quality{};
  for (const HistoryPoint& point : points) {
    placements += point.placements;
    for (std::size_t i = 0; i < by_quality.size(); ++i) by_quality[i] += point.by_quality[i];
  }
  json.Key("last_hour").BeginObject().Field("placements", placements);
  AddQualities(json, by_quality);
  const auto missing = by_quality[static_cast<std::size_t>(SignatureQuality::kMissing)];
  json.Field("missing_ratio", placements == 0 ? std::nullopt
                                              : std::optional(static_cast<double>(missing) /
                                                              static_cast<double>(placements)));
  json.End();
}

absl::StatusOr<std::string> MakeSignatures(const ApiContext& context, const std::string& model) {
  ELDR_ASSIGN_OR_RETURN(const ModelDescription description, context.router().DescribeModel(model));
  std::uint64_t looked_at = 0;
  ELDR_ASSIGN_OR_RETURN(const auto workers, CountWorkers(context.router(), model, looked_at));
  JsonWriter json;
  json.BeginObject().Field("time_seconds", context.now_seconds()).Field("model", model);
  AddStored(json, description, context.router().options());
  AddLastHour(json, context.history.Points(model));
  AddWorkers(json, workers, context.service.clock.Wall());
  json.Field("recent_placements", looked_at).End();
  return std::move(json).Take();
}

}  // namespace

absl::StatusOr<std::string> PlacementsPage(ApiContext& context, const Query& query) {
  ELDR_RETURN_IF_ERROR(query.CheckKnown({"model", "after", "limit", "node"}));
  ELDR_ASSIGN_OR_RETURN(const std::string model, ModelOf(context, query));
  ELDR_ASSIGN_OR_RETURN(const auto after, query.Number("after", 0, UINT64_MAX));
  ELDR_ASSIGN_OR_RETURN(const auto limit, query.Number("limit", 1, kMostListedPlacements));
  ELDR_ASSIGN_OR_RETURN(PlacementList list,
                        ListPlacements(context.router(), model, after,
                                       limit.value_or(kListedPlacements), query.Text("node")));
  return std::move(list.json);
}

absl::StatusOr<std::string> PlacementPage(ApiContext& context, const Query& query) {
  ELDR_RETURN_IF_ERROR(query.CheckKnown({"model", "request_id"}));
  v1::ExplainPlacementRequest request;
  ELDR_ASSIGN_OR_RETURN(*request.mutable_model(), ModelOf(context, query));
  ELDR_ASSIGN_OR_RETURN(*request.mutable_request_id(),
                        query.Required("request_id", "the id of a request"));
  v1::ExplainPlacementResponse response;
  const absl::Status explained = ExplainPlacement(context.service, request, &response);
  if (absl::IsNotFound(explained)) {
    return RefuseField(
        absl::StatusCode::kNotFound, "request_id", request.request_id(),
        absl::StrCat("a request among the last ", context.router().options().receipts,
                     " placements of the model"));
  }
  ELDR_RETURN_IF_ERROR(explained);
  return ProtoJson(response);
}

absl::StatusOr<std::string> SignaturesPage(ApiContext& context, const Query& query) {
  ELDR_RETURN_IF_ERROR(query.CheckKnown({"model"}));
  ELDR_ASSIGN_OR_RETURN(const std::string model, ModelOf(context, query));
  return context.shared.Get("signatures " + model, [&] { return MakeSignatures(context, model); });
}

}  // namespace eldr

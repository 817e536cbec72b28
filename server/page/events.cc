#include "server/page/events.h"

#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/convert/proto_convert.h"
#include "server/page/json_writer.h"
#include "server/page/placement_list.h"
#include "server/service/history_service.h"

namespace eldr {
namespace {

constexpr absl::Duration kOverviewInterval = absl::Seconds(5);
constexpr absl::Duration kFleetInterval = absl::Seconds(2);
// A table of more nodes is larger, and made less often.
constexpr absl::Duration kLargeFleetInterval = absl::Seconds(5);
constexpr std::uint32_t kLargeFleet = 256;

}  // namespace

ModelEvents::ModelEvents(ApiContext& context, std::string model, std::optional<std::uint64_t> after)
    : context_(context),
      model_(std::move(model)),
      after_(after),
      next_overview_(context.service.clock.Monotonic()),
      next_fleet_(next_overview_),
      last_point_(context.service.clock.Wall()) {}

std::string ModelEvents::Next() {
  std::string events;
  AddOverview(events);
  AddFleet(events);
  AddPlacements(events);
  AddHistory(events);
  return events;
}

void ModelEvents::AddOverview(std::string& events) {
  const MonotonicTime now = context_.service.clock.Monotonic();
  if (now < next_overview_) return;
  next_overview_ = now + kOverviewInterval;
  const auto overview = SharedOverview(context_);
  if (overview.ok()) events += HttpEvent(*overview, "overview");
}

void ModelEvents::AddFleet(std::string& events) {
  const MonotonicTime now = context_.service.clock.Monotonic();
  if (now < next_fleet_) return;
  const auto model = context_.router().DescribeModel(model_);
  const bool large = model.ok() && model->nodes > kLargeFleet;
  next_fleet_ = now + (large ? kLargeFleetInterval : kFleetInterval);
  const auto fleet = SharedFleet(context_, model_);
  if (fleet.ok()) events += HttpEvent(*fleet, "fleet");
}

void ModelEvents::AddPlacements(std::string& events) {
  const auto list = ListPlacements(context_.router(), model_, after_, kListedPlacements);
  if (!list.ok() || (after_ == list->sequence && list->shown == 0)) return;
  const bool first = !after_.has_value();
  after_ = list->sequence;
  if (list->shown == 0 && !first) return;
  events += HttpEvent(list->json, "placements", absl::StrCat(list->sequence));
}

void ModelEvents::AddHistory(std::string& events) {
  const std::vector<HistoryPoint> points = context_.history.Points(model_, last_point_);
  if (points.empty()) return;
  v1::GetHistoryRequest request;
  request.set_model(model_);
  ToProto(last_point_, request.mutable_after_time());
  last_point_ = absl::FromUnixMillis(points.back().end_unix_ms);
  v1::GetHistoryResponse response;
  if (GetHistory(context_.service, request, &response).ok()) {
    events += HttpEvent(ProtoJson(response), "history");
  }
}

absl::StatusOr<std::shared_ptr<HttpEventSource>> WatchModel(ApiContext& context, const Query& query,
                                                            absl::string_view last_event_id) {
  ELDR_RETURN_IF_ERROR(query.CheckKnown({"model", "after"}));
  ELDR_ASSIGN_OR_RETURN(std::string model, ModelOf(context, query));
  ELDR_ASSIGN_OR_RETURN(auto after, query.Number("after", 0, UINT64_MAX));
  // What a client repeats of itself; anything else in it is as if it knew nothing.
  std::uint64_t id = 0;
  if (!after.has_value() && absl::SimpleAtoi(last_event_id, &id)) after = id;
  return std::make_shared<ModelEvents>(context, std::move(model), after);
}

}  // namespace eldr

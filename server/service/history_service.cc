#include "server/service/history_service.h"

#include <cmath>

#include "core/base/status_macros.h"
#include "server/convert/proto_convert.h"
#include "server/metrics/history.h"

namespace eldr {
namespace {

// A mean of nothing stays unset.
template <typename Message>
void SetMean(Message* message, void (Message::*set)(double), float mean) {
  if (std::isfinite(mean)) (message->*set)(double{mean});
}

void CountsToProto(const HistoryPoint& point, v1::HistoryPoint* proto) {
  proto->set_placements(point.placements);
  proto->set_failed_placements(point.failed_placements);
  proto->set_signatures_full(point.by_quality[static_cast<int>(SignatureQuality::kFull)]);
  proto->set_signatures_partial(point.by_quality[static_cast<int>(SignatureQuality::kPartial)]);
  proto->set_signatures_missing(point.by_quality[static_cast<int>(SignatureQuality::kMissing)]);
  proto->set_compared_placements(point.compared_placements);
  proto->set_shadow_decisions(point.shadow_decisions);
  proto->set_shadow_agrees(point.shadow_agrees);
  proto->set_nodes(point.nodes);
  proto->set_ready_nodes(point.ready_nodes);
  proto->set_leases(point.leases);
  proto->set_load(point.load);
  proto->set_capacity(point.capacity);
  proto->set_refused_calls(point.refused_calls);
}

void PointToProto(const HistoryPoint& point, v1::HistoryPoint* proto) {
  using P = v1::HistoryPoint;
  ToProto(absl::FromUnixMillis(point.end_unix_ms), proto->mutable_end_time());
  proto->set_duration_seconds(point.duration_seconds);
  CountsToProto(point, proto);
  SetMean(proto, &P::set_decision_p50_seconds, point.decision_p50_seconds);
  SetMean(proto, &P::set_decision_p99_seconds, point.decision_p99_seconds);
  SetMean(proto, &P::set_signature_age_p50_seconds, point.signature_age_p50_seconds);
  SetMean(proto, &P::set_signature_age_p99_seconds, point.signature_age_p99_seconds);
  SetMean(proto, &P::set_marginal_experts, point.marginal_experts);
  SetMean(proto, &P::set_candidate_marginal_experts, point.candidate_marginal_experts);
  SetMean(proto, &P::set_cost_made_seconds, point.cost_made_seconds);
  SetMean(proto, &P::set_cost_shadow_seconds, point.cost_shadow_seconds);
  SetMean(proto, &P::set_expected_experts_per_layer, point.expected_experts_per_layer);
  SetMean(proto, &P::set_predicted_step_seconds, point.predicted_step_seconds);
  SetMean(proto, &P::set_reported_step_seconds, point.reported_step_seconds);
  SetMean(proto, &P::set_kv_usage_mean, point.kv_usage_mean);
  SetMean(proto, &P::set_kv_usage_max, point.kv_usage_max);
  SetMean(proto, &P::set_per_expert_seconds, point.per_expert_seconds);
}

}  // namespace

absl::Status GetHistory(ServiceContext& context, const v1::GetHistoryRequest& request,
                        v1::GetHistoryResponse* response) {
  if (context.history == nullptr) {
    return absl::FailedPreconditionError("http.page: got false, expected true to keep a history");
  }
  if (request.model().empty()) {
    return absl::InvalidArgumentError("model: got \"\", expected the name of a declared model");
  }
  ELDR_RETURN_IF_ERROR(context.router.CheckNamed(request.model(), ""));
  absl::Time after = absl::InfinitePast();
  if (request.has_after_time()) {
    after = absl::FromUnixSeconds(request.after_time().seconds()) +
            absl::Nanoseconds(request.after_time().nanos());
  }
  response->set_model(request.model());
  ToProto(History::kInterval, response->mutable_interval());
  for (const HistoryPoint& point : context.history->Points(request.model(), after)) {
    PointToProto(point, response->add_points());
  }
  return absl::OkStatus();
}

HistoryService::HistoryService(ServiceContext& context) : MethodTable(context) {
  Unary(Call::kGetHistory, eldr::GetHistory);
}

}  // namespace eldr

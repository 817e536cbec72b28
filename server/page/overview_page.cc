// /overview.
#include <string>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "server/page/api_context.h"
#include "server/page/health.h"
#include "server/page/json_writer.h"
#include "server/version.h"

namespace eldr {
namespace {

const char* SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kOk:
      return "ok";
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kCritical:
      return "critical";
  }
  return "";
}

std::optional<std::string> UnlessEmpty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

void AddHealth(JsonWriter& json, const std::vector<HealthSentence>& sentences) {
  json.Key("health").BeginArray();
  for (const HealthSentence& sentence : sentences) {
    json.BeginObject().Field("severity", SeverityName(sentence.severity));
    json.Field("subject", sentence.subject).Field("model", UnlessEmpty(sentence.model));
    json.Field("what", sentence.what).Field("do", sentence.what_to_do).End();
  }
  json.End();
}

std::string MakeOverview(const ApiContext& context) {
  const std::vector<ModelDescription> models = context.router().ListModels();
  const std::string why = context.not_ready();
  const double start = absl::ToDoubleSeconds(context.start_time - absl::UnixEpoch());
  JsonWriter json;
  json.BeginObject().Field("time_seconds", context.now_seconds()).Field("version", kVersion);
  json.Field("start_time_seconds", start).Field("uptime_seconds", context.now_seconds() - start);
  json.Field("ready", why.empty()).Field("not_ready_reason", UnlessEmpty(why));
  json.Field("history_interval_seconds", absl::ToInt64Seconds(History::kInterval));
  json.Field("history_seconds", absl::ToInt64Seconds(History::kInterval * History::kPoints));
  AddModels(json, models);
  AddHealth(json, LookAtHealth(context, models));
  json.End();
  return std::move(json).Take();
}

}  // namespace

absl::StatusOr<std::string> SharedOverview(ApiContext& context) {
  return context.shared.Get("overview",
                            [&]() -> absl::StatusOr<std::string> { return MakeOverview(context); });
}

absl::StatusOr<std::string> OverviewPage(ApiContext& context, const Query& query) {
  ELDR_RETURN_IF_ERROR(query.CheckKnown({}));
  return SharedOverview(context);
}

}  // namespace eldr

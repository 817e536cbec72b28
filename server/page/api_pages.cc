#include "server/page/api_pages.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "core/base/near_names.h"
#include "core/base/status_macros.h"
#include "server/page/events.h"
#include "server/page/query.h"

namespace eldr {
namespace {

constexpr char kJsonType[] = "application/json; charset=utf-8";

struct ApiPage {
  const char* path;
  absl::StatusOr<std::string> (*make)(ApiContext& context, const Query& query);
};

constexpr ApiPage kApiPages[] = {
    {"overview", OverviewPage},
    {"models", ModelsPage},
    {"prior", PriorPage},
    {"nodes", NodesPage},
    {"fleet", FleetPage},
    {"residency", ResidencyPage},
    {"residency/fleet", FleetResidencyPage},
    {"residency/compare", ComparePage},
    {"placements", PlacementsPage},
    {"placement", PlacementPage},
    {"signatures", SignaturesPage},
    {"gain", GainPage},
    {"history", HistoryPage},
};
constexpr char kEventsPath[] = "events";

HttpResponse Failure(const absl::Status& error) {
  return {.status = HttpStatusOf(error.code()), .type = kJsonType, .body = ErrorJson(error)};
}

absl::Status NoSuchPage(absl::string_view path) {
  std::vector<std::string> paths = {kEventsPath};
  for (const ApiPage& page : kApiPages) paths.push_back(page.path);
  return RefuseField(
      absl::StatusCode::kNotFound, "path", path,
      absl::StrCat("one of: ", absl::StrJoin(paths, ", "), DescribeNearNames(path, paths)));
}

absl::StatusOr<HttpResponse> AnswerPage(ApiContext& context, absl::string_view path,
                                        const HttpRequest& request) {
  ELDR_ASSIGN_OR_RETURN(const Query query, Query::Parse(request.query));
  if (path == kEventsPath) {
    HttpResponse response{.type = "text/event-stream"};
    ELDR_ASSIGN_OR_RETURN(response.events, WatchModel(context, query, request.last_event_id));
    return response;
  }
  for (const ApiPage& page : kApiPages) {
    if (path != page.path) continue;
    HttpResponse response{.type = kJsonType};
    ELDR_ASSIGN_OR_RETURN(response.body, page.make(context, query));
    return response;
  }
  return NoSuchPage(path);
}

// What the server refuses by itself: no token, too many at a time.
HttpResponse RefusalAsJson(HttpResponse refusal) {
  const absl::StatusCode code = refusal.status == 401 ? absl::StatusCode::kUnauthenticated
                                                      : absl::StatusCode::kResourceExhausted;
  refusal.body = ErrorJson(absl::Status(code, absl::StripSuffix(refusal.body, "\n")));
  refusal.type = kJsonType;
  return refusal;
}

}  // namespace

HttpResponse AnswerApi(ApiContext& context, absl::string_view path, const HttpRequest& request) {
  absl::StatusOr<HttpResponse> answer = AnswerPage(context, path, request);
  return answer.ok() ? *std::move(answer) : Failure(answer.status());
}

HttpPage MakeApiPage(std::shared_ptr<ApiContext> context) {
  return {.path = kApiPath,
          .and_below = true,
          .kind = HttpPage::Kind::kMade,
          .lane = HttpPage::Lane::kPeople,
          .handler =
              [context = std::move(context)](const HttpRequest& request) {
                return AnswerApi(*context, absl::StripPrefix(request.path, kApiPath), request);
              },
          .every = absl::Seconds(1),
          .refusal = RefusalAsJson};
}

}  // namespace eldr

// What the pages of the API are made from.
#ifndef ELDR_SERVER_PAGE_API_CONTEXT_H_
#define ELDR_SERVER_PAGE_API_CONTEXT_H_

#include <prometheus/metric_family.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/route/router.h"
#include "server/config/config.h"
#include "server/metrics/history.h"
#include "server/page/query.h"
#include "server/rpc/call_limits.h"
#include "server/rpc/service_context.h"

namespace eldr {

// Answers that cost much, made anew at most once per second whoever asks for them. Not thread-safe:
// the pages of one lane are made one after the other.
class SharedAnswers {
 public:
  static constexpr absl::Duration kMaxAge = absl::Seconds(1);

  explicit SharedAnswers(const Clock& clock) : clock_(clock) {}

  // The answer of this name as it was made a short while ago, or else as `make` makes it now. An
  // error is not kept.
  absl::StatusOr<std::string> Get(const std::string& name,
                                  const std::function<absl::StatusOr<std::string>()>& make);

 private:
  struct Answer {
    MonotonicTime made;
    std::string text;
  };
  const Clock& clock_;
  std::map<std::string, Answer> answers_;
};

// References outlive the pages.
struct ApiContext {
  ServiceContext& service;
  const Config& config;
  const History& history;
  absl::Time start_time;
  // Why no calls should come just now; empty if they should.
  std::function<std::string()> not_ready;
  // What the daemon's parts register: state, certificates.
  std::function<std::vector<prometheus::MetricFamily>()> metrics;
  SharedAnswers shared;

  const Router& router() const { return service.router; }
  double now_seconds() const {
    return absl::ToDoubleSeconds(service.clock.Wall() - absl::UnixEpoch());
  }
};

// The model that `model` names, or the only one. INVALID_ARGUMENT, NOT_FOUND.
absl::StatusOr<std::string> ModelOf(const ApiContext& context, const Query& query);
// The residency of the node that the parameter `field` names. INVALID_ARGUMENT, NOT_FOUND.
absl::StatusOr<Residency> ResidencyOf(const ApiContext& context, const Query& query,
                                      absl::string_view field);

class JsonWriter;

// The field `models`: what DescribeModel answers of each.
void AddModels(JsonWriter& json, const std::vector<ModelDescription>& models);
// The body of /fleet.
absl::StatusOr<std::string> SharedFleet(ApiContext& context, const std::string& model);
// The body of /overview.
absl::StatusOr<std::string> SharedOverview(ApiContext& context);

// Each makes the body of one page of docs/api.md. Not thread-safe, as `shared`.
absl::StatusOr<std::string> OverviewPage(ApiContext& context, const Query& query);
absl::StatusOr<std::string> ModelsPage(ApiContext& context, const Query& query);
absl::StatusOr<std::string> PriorPage(ApiContext& context, const Query& query);
absl::StatusOr<std::string> NodesPage(ApiContext& context, const Query& query);
absl::StatusOr<std::string> FleetPage(ApiContext& context, const Query& query);
absl::StatusOr<std::string> ResidencyPage(ApiContext& context, const Query& query);
absl::StatusOr<std::string> FleetResidencyPage(ApiContext& context, const Query& query);
absl::StatusOr<std::string> ComparePage(ApiContext& context, const Query& query);
absl::StatusOr<std::string> PlacementsPage(ApiContext& context, const Query& query);
absl::StatusOr<std::string> PlacementPage(ApiContext& context, const Query& query);
absl::StatusOr<std::string> SignaturesPage(ApiContext& context, const Query& query);
absl::StatusOr<std::string> GainPage(ApiContext& context, const Query& query);
absl::StatusOr<std::string> HistoryPage(ApiContext& context, const Query& query);

}  // namespace eldr

#endif  // ELDR_SERVER_PAGE_API_CONTEXT_H_

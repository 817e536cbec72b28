// Brings the router's nodes in line with what the sources have found.
#ifndef ELDR_SERVER_DISCOVERY_RECONCILER_H_
#define ELDR_SERVER_DISCOVERY_RECONCILER_H_

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/route/router.h"
#include "server/base/log.h"
#include "server/discovery/discovery_metrics.h"
#include "server/discovery/endpoint_list.h"
#include "server/discovery/node_plan.h"

namespace eldr {

// Compares each time what is registered with what was found, so whatever happened meanwhile, a
// restart, a removal by hand, a model that was declared late, the next step puts it right. Nodes
// that send heartbeats, or that somebody else registered, it leaves alone, at whatever moment they
// register. Not thread-safe.
class Reconciler {
 public:
  // The lists in the order of their precedence. All must outlive it.
  Reconciler(absl::Duration remove_after, std::vector<const EndpointList*> lists, Router& router,
             const Clock& clock, Log& log, DiscoveryMetrics& metrics);

  // One comparison, and what follows from it. Returns how long the next one can wait if no list
  // changes.
  absl::Duration Step();

  // The ids of endpoints that are not ready whatever their source says, from the next step on.
  void SetAsleep(std::set<std::string> node_ids) { asleep_ = std::move(node_ids); }
  // The nodes that were discovery's at the last step.
  const std::vector<NodeSpec>& own() const { return own_; }

 private:
  NodePlan::View Look() const;
  absl::Status Do(const NodeAction& action);
  void Tell(const NodeAction& action, const absl::Status& status);

  const std::vector<const EndpointList*> lists_;
  Router& router_;
  const Clock& clock_;
  Log& log_;
  DiscoveryMetrics& metrics_;
  NodePlan plan_;
  std::set<std::string> asleep_;
  std::vector<NodeSpec> own_;
  // Why nodes are refused, as told last.
  std::map<std::string, std::string> refused_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_DISCOVERY_RECONCILER_H_

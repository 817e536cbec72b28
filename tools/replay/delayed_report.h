// A node's report on its way.
#ifndef ELDR_TOOLS_REPLAY_DELAYED_REPORT_H_
#define ELDR_TOOLS_REPLAY_DELAYED_REPORT_H_

#include <string>
#include <vector>

#include "core/fleet/decode_node.h"

namespace eldr::replay {

// Owns what a report borrows, without the requests that run: a list of the past would only mislead.
class DelayedReport {
 public:
  explicit DelayedReport(const NodeReport& report)
      : node_id_(report.node_id),
        report_(report),
        steps_(report.steps.begin(), report.steps.end()) {
    for (const std::string* id : report.finished_request_ids) finished_.push_back(*id);
  }

  const std::string& node_id() const { return node_id_; }
  // Borrows from this, and lives until its next call.
  NodeReport Report() const {
    finished_ids_.clear();
    for (const std::string& id : finished_) finished_ids_.push_back(&id);
    NodeReport report = report_;
    report.node_id = node_id_;
    report.steps = steps_;
    report.running_request_ids = {};
    report.finished_request_ids = finished_ids_;
    return report;
  }

 private:
  std::string node_id_;
  NodeReport report_;  // but for what it borrows
  std::vector<StepStats> steps_;
  std::vector<std::string> finished_;
  mutable std::vector<const std::string*> finished_ids_;
};

}  // namespace eldr::replay

#endif  // ELDR_TOOLS_REPLAY_DELAYED_REPORT_H_

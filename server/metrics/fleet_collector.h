// What is read from the router, and from the recorder of signatures, when Prometheus asks.
#ifndef ELDR_SERVER_METRICS_FLEET_COLLECTOR_H_
#define ELDR_SERVER_METRICS_FLEET_COLLECTOR_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <vector>

#include "core/route/router.h"

namespace eldr {

class EventLog;
class SignatureCapture;

// Nothing is kept between scrapes, so the series of a removed node vanish by construction.
// Thread-safe; what it is given must outlive it.
class FleetCollector final : public prometheus::Collectable {
 public:
  // `capture` and `event_log` are nullptr if they record nothing.
  FleetCollector(const Router& router, const SignatureCapture* capture, const EventLog* event_log)
      : router_(router), capture_(capture), event_log_(event_log) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Router& router_;
  const SignatureCapture* const capture_;
  const EventLog* const event_log_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_METRICS_FLEET_COLLECTOR_H_

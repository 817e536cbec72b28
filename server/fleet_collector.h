// Gauges of nodes and models, read from the router when Prometheus asks.
#ifndef ELDR_SERVER_FLEET_COLLECTOR_H_
#define ELDR_SERVER_FLEET_COLLECTOR_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <vector>

#include "core/route/router.h"

namespace eldr {

// Nothing is kept between scrapes, so the series of a removed node vanish by construction.
// Thread-safe; `router` must outlive it.
class FleetCollector final : public prometheus::Collectable {
 public:
  explicit FleetCollector(const Router& router) : router_(router) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Router& router_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_FLEET_COLLECTOR_H_

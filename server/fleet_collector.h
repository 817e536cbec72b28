// What is read from the router, and from the recorder of signatures, when Prometheus asks.
#ifndef ELDR_SERVER_FLEET_COLLECTOR_H_
#define ELDR_SERVER_FLEET_COLLECTOR_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <vector>

#include "core/route/router.h"

namespace eldr {

class SignatureCapture;

// Nothing is kept between scrapes, so the series of a removed node vanish by construction.
// Thread-safe; `router` and `capture` must outlive it.
class FleetCollector final : public prometheus::Collectable {
 public:
  // `capture` is nullptr if signatures are not recorded.
  explicit FleetCollector(const Router& router, const SignatureCapture* capture = nullptr)
      : router_(router), capture_(capture) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Router& router_;
  const SignatureCapture* const capture_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_FLEET_COLLECTOR_H_

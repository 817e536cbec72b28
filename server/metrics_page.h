// The page that Prometheus and its like scrape.
#ifndef ELDR_SERVER_METRICS_PAGE_H_
#define ELDR_SERVER_METRICS_PAGE_H_

#include <prometheus/metric_family.h>

#include <vector>

#include "server/http/http_message.h"

namespace eldr {

// In the form that the request asks for: OpenMetrics 1.0 if it wants that at least as much as
// Prometheus' text form, which all others get; in the form of gzip for those who take it.
HttpResponse MetricsPage(const HttpRequest& request,
                         const std::vector<prometheus::MetricFamily>& families);

}  // namespace eldr

#endif  // ELDR_SERVER_METRICS_PAGE_H_

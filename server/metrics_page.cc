#include "server/metrics_page.h"

#include <prometheus/text_serializer.h>

#include <utility>

#include "server/http/content_coding.h"
#include "server/metrics/open_metrics.h"

namespace eldr {

HttpResponse MetricsPage(const HttpRequest& request,
                         const std::vector<prometheus::MetricFamily>& families) {
  const double open = QualityOf(request.accept, "application/openmetrics-text", "1.0.0");
  HttpResponse response;
  response.more_headers = "Vary: Accept, Accept-Encoding\r\n";
  if (open > 0 && open >= QualityOf(request.accept, "text/plain")) {
    response.type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    response.body = OpenMetricsText(families);
  } else {
    response.type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = prometheus::TextSerializer().Serialize(families);
  }
  if (QualityOf(request.accept_encoding, "gzip") > 0) {
    if (std::string packed = Gzip(response.body); !packed.empty()) {
      response.body = std::move(packed);
      response.more_headers += "Content-Encoding: gzip\r\n";
    }
  }
  return response;
}

}  // namespace eldr

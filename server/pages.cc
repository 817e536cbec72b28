#include "server/pages.h"

#include <utility>

namespace eldr {
namespace {

constexpr char kIndex[] =
    "eldrd\n"
    "  /metrics  Prometheus metrics\n"
    "  /livez    200 while the process lives\n"
    "  /readyz   200 while it takes calls; 503 while its gRPC port does not answer, and once it\n"
    "            shuts down\n"
    "  /health   the same as /readyz\n"
    "Placements, fleet and models are served by gRPC.\n";

}  // namespace

std::vector<HttpPage> MakePages(PageSources sources) {
  const auto ready = [not_ready = std::move(sources.not_ready)](const HttpRequest&) {
    const std::string why = not_ready();
    if (why.empty()) return HttpResponse{.body = "ok\n"};
    return HttpResponse{.status = 503, .body = why + "\n"};
  };
  return {
      {.path = "/",
       .kind = HttpPage::Kind::kAtOnce,
       .handler = [](const HttpRequest&) { return HttpResponse{.body = kIndex}; }},
      {.path = "/livez",
       .kind = HttpPage::Kind::kAtOnce,
       .needs_token = false,
       .handler = [](const HttpRequest&) { return HttpResponse{.body = "ok\n"}; }},
      {.path = "/readyz", .kind = HttpPage::Kind::kAtOnce, .needs_token = false, .handler = ready},
      {.path = "/health", .kind = HttpPage::Kind::kAtOnce, .needs_token = false, .handler = ready},
      {.path = "/metrics",
       .handler =
           [metrics = std::move(sources.metrics)](const HttpRequest&) {
             return HttpResponse{.type = "text/plain; version=0.0.4; charset=utf-8",
                                 .body = metrics()};
           }},
  };
}

}  // namespace eldr

#include "server/pages.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/page/ui_pages.h"

namespace eldr {
namespace {

constexpr char kIndex[] =
    "eldrd\n"
    "  /metrics  Prometheus metrics\n"
    "  /config   the configuration in force\n"
    "  /livez    200 while the process lives\n"
    "  /readyz   200 while it takes calls; 503 while its gRPC port does not answer, and once it\n"
    "            shuts down. ?verbose lists what it checks, and whether state and records are\n"
    "            written\n"
    "  /health   the same as /readyz\n"
    "Placements, fleet and models are served by gRPC.\n";
constexpr char kPageIndex[] =
    "  /ui/      a live page of all of it, for a browser\n"
    "  /api/v1/  its data, as JSON (docs/api.md)\n";

// "[+] NAME: ok" or "[-] NAME: TROUBLE".
std::string CheckLine(absl::string_view name, absl::string_view trouble) {
  return trouble.empty() ? absl::StrCat("[+] ", name, ": ok\n")
                         : absl::StrCat("[-] ", name, ": ", trouble, "\n");
}

std::string SinkLines(const std::vector<SinkCheck>& sinks) {
  std::string lines;
  for (const SinkCheck& sink : sinks) absl::StrAppend(&lines, CheckLine(sink.name, sink.trouble));
  return lines;
}

}  // namespace

std::vector<HttpPage> MakePages(PageSources sources) {
  const auto ready = [not_ready = std::move(sources.not_ready),
                      sinks = std::move(sources.sinks)](const HttpRequest& request) {
    const std::string why = not_ready();
    HttpResponse response = {.status = why.empty() ? 200 : 503,
                             .body = absl::StrCat(why.empty() ? "ok" : why, "\n")};
    if (request.query == "verbose") {
      response.body = absl::StrCat(CheckLine("calls", why), SinkLines(sinks()), response.body);
    }
    return response;
  };
  const bool has_page = !sources.page.empty();
  std::vector<HttpPage> pages = std::move(sources.page);
  const std::vector<HttpPage> others = {
      {.path = "/",
       .kind = HttpPage::Kind::kAtOnce,
       .needs_token = !has_page,
       .handler =
           [has_page](const HttpRequest&) {
             if (!has_page) return HttpResponse{.body = kIndex};
             return LeadTo("ui/", absl::StrCat(kIndex, kPageIndex));
           }},
      {.path = "/livez",
       .kind = HttpPage::Kind::kAtOnce,
       .needs_token = false,
       .handler = [](const HttpRequest&) { return HttpResponse{.body = "ok\n"}; }},
      {.path = "/readyz", .kind = HttpPage::Kind::kAtOnce, .needs_token = false, .handler = ready},
      {.path = "/health", .kind = HttpPage::Kind::kAtOnce, .needs_token = false, .handler = ready},
      {.path = "/config",
       .handler = [config = std::move(sources.config)](
                      const HttpRequest&) { return HttpResponse{.body = config()}; }},
      {.path = "/metrics", .handler = std::move(sources.metrics)},
  };
  pages.insert(pages.end(), others.begin(), others.end());
  return pages;
}

}  // namespace eldr

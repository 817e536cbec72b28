// The pages of the HTTP port.
#ifndef ELDR_SERVER_PAGES_H_
#define ELDR_SERVER_PAGES_H_

#include <functional>
#include <string>
#include <vector>

#include "server/http/http_page.h"

namespace eldr {

// Something that changes and records are written to, and placements do not wait for.
struct SinkCheck {
  std::string name;
  std::string trouble;  // in words; empty: it keeps up
};

// Called from the port's threads.
struct PageSources {
  std::function<HttpResponse(const HttpRequest& request)> metrics;
  std::function<std::string()> config;  // in force, as YAML
  // Why no calls should come just now; empty if they should. Must not wait.
  std::function<std::string()> not_ready;
  // Those that are configured, for /readyz?verbose. Must not wait.
  std::function<std::vector<SinkCheck>()> sinks = [] { return std::vector<SinkCheck>(); };
  // The page for people and its data; none: it is switched off.
  std::vector<HttpPage> page = {};
};

// What health checkers ask for needs no token; everything else does.
std::vector<HttpPage> MakePages(PageSources sources);

}  // namespace eldr

#endif  // ELDR_SERVER_PAGES_H_

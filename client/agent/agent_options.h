// What eldr-agent is told on its command line.
#ifndef ELDR_CLIENT_AGENT_AGENT_OPTIONS_H_
#define ELDR_CLIENT_AGENT_AGENT_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/scrape/engine_metrics.h"
#include "client/scrape/engine_page.h"
#include "client/scrape/http_fetch.h"
#include "eldr/client/options.h"
#include "eldr/v1/fleet.pb.h"
#include "server/config/config.h"
#include "server/config/listen_address.h"

namespace eldr::agent {

// Which engine, and what to read of it.
struct EngineOptions {
  std::string metrics_url;
  std::string health_url;  // empty: a page of metrics is the sign of health
  scrape::PageFetcher::Options fetch;
  scrape::EngineMetricNames metrics;
  scrape::LabelFilter select;
};

struct RunOptions {
  EngineOptions engine;
  client::Options daemon;
  v1::NodeSpec spec;  // but for its incarnation
  absl::Duration scrape_interval = absl::Seconds(1);
  // So many failed health checks in a row, and the engine fails.
  std::uint32_t failures = 3;
  bool unary = false;
  absl::Duration drain_timeout = absl::Seconds(25);
  std::vector<ListenAddress> listen;
  LogConfig log;
};

struct DrainOptions {
  std::string url;
  absl::Duration timeout = absl::Seconds(60);
};

struct AgentOptions {
  enum class Command : std::uint8_t { kRun, kScrape, kDrain };
  Command command = Command::kRun;
  RunOptions run;
  EngineOptions scrape;
  DrainOptions drain;
};

// Nullopt: nothing more is to be done, and `exit_code` says how it went: 0, or 2 for bad usage.
std::optional<AgentOptions> ParseAgentOptions(const std::vector<std::string>& arguments,
                                              std::ostream& out, std::ostream& err, int& exit_code);

}  // namespace eldr::agent

#endif  // ELDR_CLIENT_AGENT_AGENT_OPTIONS_H_

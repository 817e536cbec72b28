#include "client/agent/run_agent.h"

#include <signal.h>

#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "absl/strings/strip.h"
#include "client/agent/agent.h"
#include "client/agent/agent_options.h"
#include "client/agent/agent_pages.h"
#include "client/agent/engine_watch.h"
#include "core/base/status_macros.h"
#include "server/http/http_server.h"

namespace eldr::agent {
namespace {

constexpr absl::Duration kBetweenAsks = absl::Milliseconds(500);

// SIGTERM and SIGINT, taken when it suits.
class Signals {
 public:
  // Before any thread starts, so that all of them leave the signals alone.
  Signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  // Waits for one; false if none came in time.
  bool Wait(absl::Duration timeout) const {
    const timespec wait = absl::ToTimespec(timeout);
    return sigtimedwait(&set_, nullptr, &wait) > 0;
  }

 private:
  sigset_t set_;
};

absl::StatusOr<std::shared_ptr<scrape::PageFetcher>> OpenPage(
    const std::string& url, const scrape::PageFetcher::Options& options) {
  std::unique_ptr<scrape::PageFetcher> fetcher;
  ELDR_ASSIGN_OR_RETURN(fetcher, scrape::PageFetcher::Create(url, options));
  return std::shared_ptr<scrape::PageFetcher>(std::move(fetcher));
}

absl::StatusOr<EngineWatch::Links> LinksTo(const EngineOptions& options) {
  EngineWatch::Links links;
  std::shared_ptr<scrape::PageFetcher> metrics, health;
  ELDR_ASSIGN_OR_RETURN(metrics, OpenPage(options.metrics_url, options.fetch));
  links.metrics = [metrics] { return metrics->Fetch(); };
  if (options.health_url.empty()) return links;
  ELDR_ASSIGN_OR_RETURN(health, OpenPage(options.health_url, options.fetch));
  links.health = [health] { return health->Fetch(); };
  return links;
}

EngineWatch::Options WatchOptions(const EngineOptions& engine) {
  EngineWatch::Options options;
  options.metrics = engine.metrics;
  options.select = engine.select;
  return options;
}

absl::StatusOr<std::vector<std::unique_ptr<HttpServer>>> Serve(const RunOptions& options,
                                                               Agent& agent, Log& log) {
  std::vector<std::unique_ptr<HttpServer>> servers;
  for (const ListenAddress& address : options.listen) {
    HttpServer::Options http;
    // Whoever can drain the node is on its machine.
    http.pages = AgentPages(agent, address.loopback());
    http.max_connections = 64;
    std::unique_ptr<HttpServer> server;
    ELDR_ASSIGN_OR_RETURN(server, HttpServer::Start(address, std::move(http), RealClock()));
    log.Info("listening", {{"http", server->address().ToString()}});
    servers.push_back(std::move(server));
  }
  return servers;
}

// Until a signal comes, and then until the node is empty, or time is over, or another comes.
void Loop(const RunOptions& options, const Signals& signals, Agent& agent, Log& log) {
  std::optional<MonotonicTime> end;
  for (;;) {
    const absl::Duration wait = agent.Step();
    if (end && (agent.Drained() || RealClock().Monotonic() >= *end)) return;
    if (!signals.Wait(end ? std::min(wait, kBetweenAsks) : wait)) continue;
    if (end) return;
    end = RealClock().Monotonic() + options.drain_timeout;
    log.Info("draining", {{"node", options.spec.node_id()},
                          {"timeout", absl::FormatDuration(options.drain_timeout)}});
    agent.Drain();
  }
}

absl::Status Run(const RunOptions& options) {
  const Signals signals;
  Log log(options.log, RealClock());
  std::unique_ptr<client::Client> client;
  ELDR_ASSIGN_OR_RETURN(client, client::Client::Create(options.daemon));
  EngineWatch::Links links;
  ELDR_ASSIGN_OR_RETURN(links, LinksTo(options.engine));
  EngineWatch::Options watching = WatchOptions(options.engine);
  watching.tokens_per_step = std::max(options.spec.tokens_per_step(), 1u);
  watching.failures = options.failures;
  EngineWatch watch(std::move(links), watching, [] { return RealClock().Monotonic(); });
  Agent agent({.spec = options.spec, .interval = options.scrape_interval, .stream = !options.unary},
              *client, watch, log, RealClock());
  std::vector<std::unique_ptr<HttpServer>> servers;  // end before the agent
  ELDR_ASSIGN_OR_RETURN(servers, Serve(options, agent, log));
  log.Info("watching", {{"metrics", options.engine.metrics_url},
                        {"health", options.engine.health_url},
                        {"daemon", options.daemon.target}});
  Loop(options, signals, agent, log);
  agent.Leave();
  return absl::OkStatus();
}

absl::Status ScrapeOnce(const EngineOptions& options, std::ostream& out) {
  EngineWatch::Links links;
  ELDR_ASSIGN_OR_RETURN(links, LinksTo(options));
  EngineWatch watch(std::move(links), WatchOptions(options),
                    [] { return RealClock().Monotonic(); });
  watch.Look();
  const EngineWatch::Figures figures = watch.figures();
  ELDR_RETURN_IF_ERROR(figures.error);
  out << "state     " << Name(figures.state) << "\nrunning   " << figures.page.running
      << "\nqueued    " << figures.page.queued << "\nkv usage  ";
  if (figures.page.kv_usage) {
    out << *figures.page.kv_usage;
  } else {
    out << "not told";
  }
  out << "\nsteps     " << (watch.TellsSteps() ? "told by its histograms" : "not told") << "\n";
  return absl::OkStatus();
}

absl::Status Drain(const DrainOptions& options, std::ostream& out) {
  const MonotonicTime end = RealClock().Monotonic() + options.timeout;
  std::shared_ptr<scrape::PageFetcher> page;
  ELDR_ASSIGN_OR_RETURN(page,
                        OpenPage(absl::StrCat(absl::StripSuffix(options.url, "/"), "/drain"), {}));
  std::string last;
  for (;;) {
    const auto answer = page->Fetch();
    if (!answer.ok()) return answer.status();
    if (answer->body != last) out << answer->body << std::flush;
    last = answer->body;
    if (answer->status == 200) return absl::OkStatus();
    if (answer->status != 503) {
      return absl::FailedPreconditionError(absl::StrCat(page->url(), " answers ", answer->status,
                                                        ", expected the agent's 200 or 503"));
    }
    if (RealClock().Monotonic() + kBetweenAsks > end) {
      return absl::DeadlineExceededError("something still runs on the node");
    }
    std::this_thread::sleep_for(absl::ToChronoNanoseconds(kBetweenAsks));
  }
}

}  // namespace

int RunAgent(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
  int exit_code = kExitOk;
  const auto options = ParseAgentOptions(arguments, out, err, exit_code);
  if (!options) return exit_code;
  absl::Status status;
  switch (options->command) {
    case AgentOptions::Command::kRun:
      status = Run(options->run);
      break;
    case AgentOptions::Command::kScrape:
      status = ScrapeOnce(options->scrape, out);
      break;
    case AgentOptions::Command::kDrain:
      status = Drain(options->drain, out);
      break;
  }
  if (status.ok()) return kExitOk;
  err << "error: " << status.ToString() << "\n";
  return kExitFailed;
}

}  // namespace eldr::agent

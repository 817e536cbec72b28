#include "client/agent/agent_pages.h"

#include "absl/strings/str_cat.h"

namespace eldr::agent {
namespace {

constexpr char kAgentIndex[] =
    "eldr-agent\n"
    "  /metrics  Prometheus metrics\n"
    "  /livez    200 while the process lives\n"
    "  /readyz   200 while the node takes placements; else 503 and why not\n"
    "  /health   the same as /readyz\n"
    "  /drain    drains the node; 503 until nothing runs on it, then 200. On the loopback only\n";

// One metric after the other, each with its samples.
class MetricsPage {
 public:
  void Metric(absl::string_view name, absl::string_view type, absl::string_view help) {
    name_ = std::string(name);
    absl::StrAppend(&text_, "# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
  }
  // `labels` in their braces; values of labels are of closed sets.
  template <typename Number>
  void Sample(Number value, absl::string_view labels = "") {
    absl::StrAppend(&text_, name_, labels, " ", value, "\n");
  }
  template <typename Number>
  void Gauge(absl::string_view name, absl::string_view help, Number value) {
    Metric(name, "gauge", help);
    Sample(value);
  }
  template <typename Number>
  void Counter(absl::string_view name, absl::string_view help, Number value) {
    Metric(name, "counter", help);
    Sample(value);
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
  std::string name_;
};

void AddOutcomes(MetricsPage& page, absl::string_view name, absl::string_view help,
                 std::uint64_t ok, std::uint64_t failed) {
  page.Metric(name, "counter", help);
  page.Sample(ok, "{outcome=\"ok\"}");
  page.Sample(failed, "{outcome=\"failed\"}");
}

void AddEngine(MetricsPage& page, const EngineWatch::Figures& figures) {
  page.Metric("eldr_agent_engine_state", "gauge", "1 for the state that the engine is in.");
  for (std::size_t i = 0; i < kEngineStates; ++i) {
    const auto state = static_cast<EngineState>(i);
    page.Sample(static_cast<int>(figures.state == state),
                absl::StrCat("{state=\"", Name(state), "\"}"));
  }
  AddOutcomes(page, "eldr_agent_health_checks_total", "Health checks of the engine, by outcome.",
              figures.checks_ok, figures.checks_failed);
  AddOutcomes(page, "eldr_agent_scrapes_total", "Reads of the engine's metrics, by outcome.",
              figures.scrapes_ok, figures.scrapes_failed);
  page.Counter("eldr_agent_engine_restarts_total", "Restarts of the engine that were noticed.",
               figures.restarts);
  page.Counter("eldr_agent_steps_total", "Decode steps that were reported or are to be.",
               figures.steps);
  page.Metric("eldr_agent_windows_total", "counter",
              "Spans between two reads of the metrics, by what they told of decode steps.");
  for (std::size_t i = 0; i < scrape::kWindowOutcomes; ++i) {
    page.Sample(figures.windows[i],
                absl::StrCat("{outcome=\"", Name(static_cast<scrape::WindowOutcome>(i)), "\"}"));
  }
  if (!figures.page_age) return;
  page.Gauge("eldr_agent_scrape_age_seconds", "Age of the load that is reported.",
             absl::ToDoubleSeconds(*figures.page_age));
  page.Gauge("eldr_agent_running", "Sequences that run on the engine.", figures.page.running);
  page.Gauge("eldr_agent_queued", "Sequences that wait for the engine.", figures.page.queued);
  if (!figures.page.kv_usage) return;
  page.Gauge("eldr_agent_kv_usage_ratio", "Share of the engine's KV memory in use.",
             *figures.page.kv_usage);
}

HttpResponse AnswerDrain(Agent& agent) {
  agent.Drain();
  if (agent.Drained()) return {.body = "drained\n"};
  const client::NodeStatus status = agent.status();
  const EngineWatch::Figures figures = agent.engine();
  std::string why = absl::StrCat("draining: ", figures.page.running, " running, ",
                                 figures.page.queued, " queued, ", status.leases, " leases");
  if (!status.error.ok()) absl::StrAppend(&why, "; the daemon: ", status.error.message());
  return {.status = 503, .body = why + "\n"};
}

}  // namespace

std::string AgentMetrics(const Agent& agent) {
  MetricsPage page;
  page.Metric("eldr_agent_info", "gauge", "Always 1; the agent's version.");
  page.Sample(1, "{version=\"" ELDR_VERSION "\"}");
  const client::NodeStatus status = agent.status();
  page.Gauge("eldr_agent_registered", "1 while the daemon knows the node.",
             static_cast<int>(status.registered));
  page.Gauge("eldr_agent_ready", "1 while the node takes placements.",
             static_cast<int>(agent.NotReady().empty()));
  page.Gauge("eldr_agent_draining", "1 while the node is drained, by whomever.",
             static_cast<int>(status.draining));
  page.Gauge("eldr_agent_superseded", "1 once a newer process has the node's id.",
             static_cast<int>(status.superseded));
  page.Gauge("eldr_agent_reported", "1 while the daemon answers and the engine's load is known.",
             static_cast<int>(status.registered && status.error.ok() && status.load_error.ok()));
  page.Gauge("eldr_agent_leases", "Leases on the node by the daemon's count.", status.leases);
  AddEngine(page, agent.engine());
  return page.Take();
}

std::vector<HttpPage> AgentPages(Agent& agent, bool may_drain) {
  using Kind = HttpPage::Kind;
  const auto ready = [&agent](const HttpRequest&) {
    const std::string why = agent.NotReady();
    return why.empty() ? HttpResponse{.body = "ok\n"}
                       : HttpResponse{.status = 503, .body = why + "\n"};
  };
  const auto page = [](std::string path, Kind kind, auto handler) {
    return HttpPage{
        .path = std::move(path), .kind = kind, .needs_token = false, .handler = handler};
  };
  std::vector<HttpPage> pages = {
      page("/", Kind::kAtOnce,
           [](const HttpRequest&) { return HttpResponse{.body = kAgentIndex}; }),
      page("/livez", Kind::kAtOnce,
           [](const HttpRequest&) { return HttpResponse{.body = "ok\n"}; }),
      page("/readyz", Kind::kAtOnce, ready),
      page("/health", Kind::kAtOnce, ready),
      page("/metrics", Kind::kMade,
           [&agent](const HttpRequest&) {
             return HttpResponse{.type = "text/plain; version=0.0.4; charset=utf-8",
                                 .body = AgentMetrics(agent)};
           }),
  };
  if (may_drain) {
    pages.push_back(page("/drain", Kind::kAtOnce, [&agent](const HttpRequest& request) {
      // A HEAD looks, and changes nothing.
      return request.head ? HttpResponse{} : AnswerDrain(agent);
    }));
  }
  return pages;
}

}  // namespace eldr::agent

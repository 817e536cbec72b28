#include "client/agent/agent_options.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "client/ctl/connection_options.h"
#include "client/ctl/node_spec_options.h"
#include "client/flags/duration_option.h"
#include "client/src/proto_duration.h"
#include "core/version/version_text.h"

namespace eldr::agent {
namespace {

constexpr int kExitUsage = 2;

// As it is written; resolved once all is parsed.
struct EngineText {
  std::string engine = "http://127.0.0.1:8000";
  std::string preset = "vllm";
  std::optional<std::string> metrics_path, health_path;
  std::vector<std::string> metrics, select;
  absl::Duration timeout = scrape::PageFetcher::Options().timeout;
  std::size_t max_bytes = scrape::PageFetcher::Options().max_bytes;
};

struct RunText {
  EngineText engine;
  std::string node;
  absl::Duration heartbeat_interval = absl::Seconds(1);
  std::vector<std::string> listen = {"127.0.0.1:9091"};
  bool insecure = false;
};

[[noreturn]] void Refuse(const std::string& flag, absl::string_view why) {
  throw CLI::ValidationError(flag, std::string(why));
}

void AddEngineOptions(CLI::App& app, EngineText& o) {
  app.add_option("--engine", o.engine, "The engine's HTTP port")
      ->type_name("URL")
      ->capture_default_str();
  std::vector<std::string> presets;
  for (const auto& preset : scrape::EnginePresets()) presets.emplace_back(preset.name);
  app.add_option("--preset", o.preset, "Paths and names of metrics of this kind of engine")
      ->check(CLI::IsMember(presets))
      ->capture_default_str();
  app.add_option("--metrics-path", o.metrics_path, "Where its metrics are [the preset's]");
  // An optional would take "" for nothing told.
  app.add_option_function<std::string>(
         "--health-path", [&o](const std::string& path) { o.health_path = path; },
         "What answers 200 while it is well; \"\": a page of metrics does [the preset's]")
      ->type_name("TEXT");
  app.add_option(
         "--metric", o.metrics,
         "Read METRIC under other names, e.g. running=my_running; METRIC is running,\n"
         "queued, kv_usage, iteration_tokens, inter_token_latency, prompt_tokens or awake;\n"
         "may be repeated")
      ->allow_extra_args(false)
      ->type_name("METRIC=NAME[,NAME]");
  app.add_option("--select", o.select,
                 "Read only samples with this label, e.g. engine=1 for one data-parallel rank;\n"
                 "may be repeated")
      ->allow_extra_args(false)
      ->type_name("LABEL=VALUE");
  flags::AddDuration(app, "--scrape-timeout", o.timeout, "How long an answer of it may take [3s]");
  app.add_option("--scrape-max-bytes", o.max_bytes, "The largest answer that is read [8388608]")
      ->check(CLI::Range(std::size_t{1024}, std::size_t{1} << 30));
}

std::string Join(absl::string_view base, absl::string_view path) {
  return absl::StrCat(absl::StripSuffix(base, "/"), absl::StartsWith(path, "/") ? "" : "/", path);
}

EngineOptions Resolve(const EngineText& text) {
  const scrape::EnginePreset& preset = *scrape::FindEnginePreset(text.preset);
  EngineOptions engine;
  engine.metrics_url =
      Join(text.engine, text.metrics_path.value_or(std::string(preset.metrics_path)));
  const std::string health = text.health_path.value_or(std::string(preset.health_path));
  if (!health.empty()) engine.health_url = Join(text.engine, health);
  engine.metrics = preset.metrics;
  for (const std::string& metric : text.metrics) {
    const absl::Status status = scrape::OverrideMetric(metric, engine.metrics);
    if (!status.ok()) Refuse("--metric", status.message());
  }
  for (const std::string& label : text.select) {
    const std::size_t equals = label.find('=');
    if (equals == 0 || equals == std::string::npos) {
      Refuse("--select", absl::StrCat("\"", label, "\" is no label, expected LABEL=VALUE"));
    }
    engine.select.emplace_back(label.substr(0, equals), label.substr(equals + 1));
  }
  if (text.timeout < absl::Milliseconds(1)) {
    Refuse("--scrape-timeout", "got 0s, expected at least 1ms");
  }
  engine.fetch = {.timeout = text.timeout, .max_bytes = text.max_bytes};
  const auto fetcher = scrape::PageFetcher::Create(engine.metrics_url, engine.fetch);
  if (!fetcher.ok()) Refuse("--engine", fetcher.status().message());
  return engine;
}

void AddRunOptions(CLI::App& app, RunOptions& o, RunText& text) {
  app.add_option("--node", text.node, "The node's id")->envname("ELDR_NODE")->required();
  ctl::AddNodeSpecOptions(app, o.spec);
  AddEngineOptions(app, text.engine);
  flags::AddDuration(app, "--scrape-interval", o.scrape_interval, "How often to look at it [1s]");
  app.add_option("--failures", o.failures,
                 "Health checks that fail in a row until the node is paused")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  ctl::AddConnectionOptions(app, o.daemon);
  flags::AddDuration(app, "--timeout", o.daemon.timeout,
                     "How long a call may take, retries included [5s]");
  flags::AddDuration(app, "--heartbeat-interval", text.heartbeat_interval,
                     "How often to send heartbeats [1s]");
  app.add_flag("--unary", o.unary, "Send each heartbeat as a call, not on a stream");
  flags::AddDuration(app, "--drain-timeout", o.drain_timeout,
                     "How long to wait at the end for what runs [25s]");
  app.add_option("--listen", text.listen,
                 "Where to serve health and metrics; /drain only on the loopback and unix\n"
                 "sockets; may be repeated; \"\": nowhere [127.0.0.1:9091]")
      ->allow_extra_args(false)
      ->type_name("HOST:PORT|unix:PATH");
  app.add_flag("--insecure", text.insecure, "Allow --listen beyond the loopback, in plaintext");
  app.add_option("--log-level", o.log.level, "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  app.add_option("--log-format", o.log.format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

void Resolve(const RunText& text, RunOptions& run) {
  run.engine = Resolve(text.engine);
  run.spec.set_node_id(text.node);
  for (const auto& [flag, value] : {std::pair("--heartbeat-interval", text.heartbeat_interval),
                                    std::pair("--scrape-interval", run.scrape_interval)}) {
    if (value < absl::Milliseconds(10)) Refuse(flag, "expected at least 10ms");
  }
  *run.spec.mutable_heartbeat_interval() = client::internal::ToProto(text.heartbeat_interval);
  for (const std::string& address : text.listen) {
    if (address.empty()) continue;
    const auto parsed = ParseListenAddress(address);
    if (!parsed.ok()) Refuse("--listen", parsed.status().message());
    if (!parsed->loopback() && !text.insecure) {
      Refuse("--listen", absl::StrCat(address,
                                      " can be reached by others in plaintext; expected "
                                      "--insecure with it, or an address of the loopback"));
    }
    run.listen.push_back(*parsed);
  }
}

// Each flag that has none gets a variable of its name, for units and pods that set no command line.
void AddVariables(CLI::App& app) {
  for (CLI::Option* const option : app.get_options()) {
    const std::string& name = option->get_lnames().empty() ? "" : option->get_lnames().front();
    if (name.empty() || name == "help" || !option->get_envname().empty()) continue;
    option->envname(absl::StrCat("ELDR_AGENT_",
                                 absl::StrReplaceAll(absl::AsciiStrToUpper(name), {{"-", "_"}})));
  }
}

constexpr char kFooter[] = R"(Examples:
  eldr-agent run --node d0 --model mixtral --address 10.0.0.7:8000
  eldr-agent run --node d1 --model mixtral --address 10.0.0.8:30000 --preset sglang \
      --engine http://127.0.0.1:30000 --target eldrd:9002 --token-file /run/eldr/token
  eldr-agent scrape --preset vllm --engine http://127.0.0.1:8000
  eldr-agent drain
`eldr-agent COMMAND --help` tells more of each. Each flag can be given as a variable, as the help
tells. Exit codes: 0 done, 1 failed, 2 bad usage.)";

}  // namespace

std::optional<AgentOptions> ParseAgentOptions(const std::vector<std::string>& arguments,
                                              std::ostream& out, std::ostream& err,
                                              int& exit_code) {
  AgentOptions options;
  RunText run_text;
  EngineText scrape_text;
  options.drain.url = "http://127.0.0.1:9091";
  CLI::App app("Makes an inference engine a decode node of eldrd: watches it, and reports it.",
               "eldr-agent");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("eldr-agent ") + kVersionText);
  CLI::App& run = *app.add_subcommand("run", "Report the engine until the agent is ended");
  AddRunOptions(run, options.run, run_text);
  AddVariables(run);
  CLI::App& scrape =
      *app.add_subcommand("scrape", "Look at the engine once, and print what is understood of it");
  AddEngineOptions(scrape, scrape_text);
  AddVariables(scrape);
  CLI::App& drain = *app.add_subcommand(
      "drain", "Have the agent that runs here drain its node, and wait until nothing runs on it");
  drain.add_option("--agent", options.drain.url, "Where that agent listens")
      ->type_name("URL")
      ->capture_default_str();
  flags::AddDuration(drain, "--timeout", options.drain.timeout, "How long to wait [60s]");
  try {
    // CLI11 wants the arguments last first.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    if (run.parsed()) Resolve(run_text, options.run);
    if (scrape.parsed()) options.scrape = Resolve(scrape_text);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error, out, err) == 0 ? 0 : kExitUsage;
    return std::nullopt;
  }
  options.command = run.parsed()      ? AgentOptions::Command::kRun
                    : scrape.parsed() ? AgentOptions::Command::kScrape
                                      : AgentOptions::Command::kDrain;
  return options;
}

}  // namespace eldr::agent

#include "tools/loadgen/load_options.h"

#include <CLI/CLI.hpp>

#include "client/ctl/connection_options.h"
#include "client/flags/command_line.h"
#include "client/flags/duration_option.h"

namespace eldr::loadgen {
namespace {

constexpr const char* kAbout =
    "Places and releases requests on a running eldrd, as fast as it answers (closed loop) or at a\n"
    "given rate (open loop), and measures it. An empty daemon needs --nodes:\n"
    "  eldr-loadgen --nodes 16 --concurrency 16\n"
    "  eldr-loadgen --nodes 16 --rate 5000 --churn 2s --duration 60s --format json";

constexpr const char* kFooter =
    "In an open loop latency counts from the time a call was meant to be sent, so that a stall is\n"
    "charged to every call that it delayed; calls sent more than 1 ms late are counted. In a "
    "closed\n"
    "loop it counts from the sending. A lease is released by a call of its own. Leases, and nodes\n"
    "of --nodes, are gone when the program ends, after Ctrl-C too; a model that it declared "
    "stays.\n"
    "Exit status: 0 something was placed, 1 nothing was or the set-up failed, 2 wrong flags,\n"
    "130 interrupted.";

void AddLoop(CLI::App& app, LoadOptions& options) {
  auto* const concurrency =
      app.add_option("--concurrency", options.concurrency, "Closed loop: callers at a time")
          ->check(CLI::Range(1u, 100'000u))
          ->capture_default_str();
  auto* const rate = app.add_option("--rate", options.rate, "Open loop: placements per second")
                         ->check(CLI::Range(1e-3, 1e7));
  concurrency->excludes(rate);
  flags::AddChoice<ArrivalKind>(
      app, "--arrivals", options.arrivals,
      {{"poisson", ArrivalKind::kPoisson}, {"constant", ArrivalKind::kConstant}},
      "Open loop: when calls are sent [poisson]");
  app.add_option("--max-outstanding", options.max_outstanding,
                 "Open loop: placements under way at most; further ones are sent late")
      ->check(CLI::Range(1u, 1'000'000u))
      ->capture_default_str();
  app.add_option("--streams", options.streams,
                 "Send queries over so many streams; 0: each is a unary call")
      ->check(CLI::Range(0u, 1'000u))
      ->capture_default_str();
  app.add_option("--connections", options.connections, "Connections, used in turn")
      ->check(CLI::Range(1u, 1'000u))
      ->capture_default_str();
  flags::AddDuration(app, "--duration", options.duration, "How long is measured [10s]",
                     {.least = absl::Milliseconds(1)});
  flags::AddDuration(app, "--warmup", options.warmup, "Before that, not measured [2s]");
  flags::AddDuration(app, "--timeout", options.connection.timeout, "Deadline of each call [5s]",
                     {.least = absl::Milliseconds(1)});
}

void AddRequests(CLI::App& app, LoadOptions& options) {
  auto* const live =
      app.add_option("--live", options.live,
                     "Leases held at a time: beyond them each placement releases the oldest")
          ->check(CLI::Range(0u, 10'000'000u))
          ->capture_default_str();
  flags::AddDuration(app, "--hold", options.hold, "Release each lease after this time instead")
      ->excludes(live);
  flags::AddChoice<SignatureWay>(app, "--signatures", options.signatures,
                                 {{"inline", SignatureWay::kInline},
                                  {"pushed", SignatureWay::kPushed},
                                  {"none", SignatureWay::kNone}},
                                 "In the query, pushed before it, or not at all [inline]");
  auto* const form = flags::AddChoice<SignatureForm>(
      app, "--form", options.form,
      {{"uint8", SignatureForm::kBytes},
       {"uint16", SignatureForm::kDense},
       {"sparse", SignatureForm::kSparse}},
      "How made signatures are encoded: uint8, uint16 or sparse [uint8]");
  app.add_option("--trace", options.trace,
                 "Take signatures from real requests: a folder with routed_experts.npy and\n"
                 "requests.csv, or responses of an engine (tools/README.md)")
      ->type_name("PATH")
      ->excludes(form);
  app.add_option("--signature-tokens", options.signature_tokens,
                 "With --trace: first tokens of a request that make its signature; 0: its prompt")
      ->check(CLI::Range(0u, 1u << 24))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Of arrivals, signatures and churn")
      ->capture_default_str();
}

void AddFleet(CLI::App& app, LoadOptions& options) {
  app.add_option("--model", options.model, "The model; declared if it is not there")
      ->capture_default_str();
  const auto add_size = [&app](const char* name, std::uint32_t& value, const char* help) {
    app.add_option(name, value, help)->check(CLI::Range(1u, 4096u))->capture_default_str();
  };
  add_size("--layers", options.geometry.layers, "MoE layers, if it is declared");
  add_size("--experts", options.geometry.experts, "Experts per layer, if it is declared");
  add_size("--top-k", options.geometry.top_k, "Experts per token, if it is declared");
  app.add_option("--policy", options.policy,
                 "Its policy, if it is declared [the daemon's default]");
  auto* const nodes =
      app.add_option("--nodes", options.nodes,
                     "Register so many decode nodes, with heartbeats; 0: use those that are there")
          ->check(CLI::Range(0u, 65'536u))
          ->capture_default_str();
  app.add_option("--node-capacity", options.node_capacity,
                 "The most leases each of them takes; 0: no limit")
      ->needs(nodes)
      ->capture_default_str();
  flags::AddDuration(app, "--churn", options.churn,
                     "So often one of them leaves, and comes back after half of that time",
                     {.least = absl::Milliseconds(100)})
      ->needs(nodes);
  app.add_option("--server-pid", options.server_pid,
                 "The daemon's process on this machine: tell its CPU per call and its memory")
      ->check(CLI::PositiveNumber)
      ->type_name("PID");
}

// What only all options together tell.
void Check(const LoadOptions& options) {
  if (options.churn.has_value() && options.nodes < 2) {
    throw CLI::ValidationError("--churn", "expected --nodes 2 or more, as one of them leaves");
  }
}

}  // namespace

std::optional<LoadOptions> ParseLoadOptions(int argc, char** argv, int* exit_code) {
  LoadOptions options;
  CLI::App app(kAbout, "eldr-loadgen");
  app.footer(kFooter);
  ctl::AddConnectionOptions(app, options.connection);
  AddLoop(app, options);
  AddRequests(app, options);
  AddFleet(app, options);
  flags::AddFormat(app, options.json);
  if (!flags::Parse(app, argc, argv, exit_code, [&options] { Check(options); })) {
    return std::nullopt;
  }
  return options;
}

}  // namespace eldr::loadgen

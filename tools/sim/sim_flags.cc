#include "tools/sim/sim_flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/flags/command_line.h"
#include "client/flags/duration_option.h"
#include "core/base/status_macros.h"
#include "core/policy/policy_factory.h"
#include "core/policy/residency_policy.h"
#include "tools/sim/cell.h"
#include "tools/sim/flag_names.h"
#include "tools/sim/scenario.h"

namespace eldr::sim {
namespace {

constexpr const char* kAbout =
    "eldr-sim replays real routed experts on simulated decode nodes, token by token, under the\n"
    "router and policies of the daemon, and compares the policies:\n"
    "  eldr-sim --trace DIR --policy residency,least_loaded --nodes 8 --rate 24 --seeds 3\n"
    "Or it decides again what a daemon recorded:\n"
    "  eldr-sim --replay /var/lib/eldr/events --policy residency,least_loaded";

constexpr const char* kResponses =
    "A trace may be what your engine returned: a file with a response body per line, a folder of\n"
    "such *.jsonl files (each a domain) and of *.json files, each one body. vLLM\n"
    "(--enable-return-routed-experts) and SGLang (return_routed_experts) return the prompt's rows\n"
    "and those of decode of a request that one worker serves from end to end:\n"
    "  curl -s $VLLM/v1/completions -d @request.json >>law.jsonl; echo >>law.jsonl\n"
    "  eldr-sim --trace law.jsonl --signature-tokens 0\n"
    "tools/README.md tells more.";

// Of simulated time.
constexpr flags::DurationRange kSimulated = {.most = absl::Hours(24), .seconds_without_unit = true};

void Check(const absl::Status& status) {
  if (!status.ok()) throw CLI::ValidationError(std::string(status.message()));
}

// Options whose text one function reads.
class Adder {
 public:
  explicit Adder(CLI::App& app) : app_(app) {}

  void Text(const std::string& name, const char* type, const char* help, const std::string& shown,
            std::function<absl::Status(const std::string&)> read) {
    app_.add_option_function<std::string>(
            name,
            [name, read](const std::string& text) {
              const absl::Status status = read(text);
              if (!status.ok()) {
                throw CLI::ValidationError(name, std::string(status.message()));
              }
            },
            shown.empty() ? std::string(help) : absl::StrCat(help, " [", shown, "]"))
        ->type_name(type)
        ->group(group_);
  }
  void Duration(const std::string& name, absl::Duration& duration, const char* help) {
    flags::AddDuration(app_, name, duration,
                       absl::StrCat(help, " [", absl::FormatDuration(duration), "]"), kSimulated)
        ->group(group_);
  }
  template <typename T>
  void Number(const char* name, T& number, const char* help, T least, T most) {
    app_.add_option(name, number, help)
        ->check(CLI::Range(least, most))
        ->capture_default_str()
        ->group(group_);
  }
  void Group(const char* group) { group_ = group; }
  CLI::App& app() { return app_; }
  const std::string& group() const { return group_; }

 private:
  CLI::App& app_;
  std::string group_ = "What runs";
};

void AddRun(Adder& add, SimFlags& sim) {
  SimConfig& config = sim.config;
  add.app()
      .add_option("--trace", config.trace,
                  "Folder with routed_experts.npy and requests.csv, or responses of an engine")
      ->type_name("PATH")
      ->group(add.group());
  add.app()
      .add_option("--replay", sim.replay,
                  "Event logs of eldrd (event_log.directory), or their directory: decide what was\n"
                  "recorded again under each policy, and show the difference. Instead of --trace;\n"
                  "only --policy, --seed and the policies' and the output's sim matter then")
      ->type_name("PATH...")
      ->group(add.group());
  add.app()
      .add_option("--policy", config.policies,
                  absl::StrCat("NAME,... of ", absl::StrJoin(SimPolicyNames(), ", ")))
      ->delimiter(',')
      ->capture_default_str()
      ->group(add.group());
  add.Number("--nodes", config.replay.nodes, "Decode nodes at the start", 1u, 4096u);
  add.Number("--rate", config.traffic.rate, "Requests per second over all starting nodes", 1e-6,
             1e6);
  add.Duration("--warmup", config.replay.warmup, "Simulated time before arrivals are measured");
  add.Duration("--duration", config.replay.duration,
               "Simulated time until arrivals are no longer measured");
  add.Number("--seed", config.seed, "Equal seeds give equal results", std::uint64_t{0},
             std::uint64_t{1} << 62);
  add.Number("--seeds", config.seeds, "So many seeds, counting up from --seed", 1u, 10'000u);
  add.app()
      .add_option("--scenario", config.scenario, "YAML file of what happens: tools/sim/scenarios")
      ->type_name("FILE")
      ->group(add.group());
  add.Number("--threads", config.threads, "Policies and seeds that run at once", 1u, 256u);
}

void AddTraffic(Adder& add, SimFlags& sim) {
  SimConfig& config = sim.config;
  TrafficConfig& traffic = config.traffic;
  add.Group("Traffic");
  add.Number("--signature-tokens", config.signature_tokens,
             "First tokens of a request that make its signature; 0: its prefill_tokens, or the\n"
             "prompt_tokens of its response",
             0u, 1u << 24);
  add.Number("--experts", config.experts,
             "Experts per layer; 0: one more than the trace's highest id", 0u, 4096u);
  add.Text("--output-tokens", "LENGTH", "Tokens generated: a number, trace, exp:MEAN or file",
           OutputText(traffic),
           [&traffic](const std::string& text) { return ParseOutput(text, traffic); });
  add.Text("--arrivals", "KIND", "poisson, gamma:CV, or a Mooncake .jsonl or Azure .csv file",
           ArrivalsText(traffic),
           [&traffic](const std::string& text) { return ParseArrivals(text, traffic); });
  add.Text("--mix", "KIND", "Domains: trace, skewed or drifting", std::string(MixText(traffic.mix)),
           [&traffic](const std::string& text) {
             ELDR_ASSIGN_OR_RETURN(traffic.mix, ParseMix(text));
             return absl::OkStatus();
           });
  add.Text(
      "--repeat-start", "WHERE", "Decode row that a request starts at: first or random", "first",
      [&traffic](const std::string& text) {
        traffic.random_repeat_start = text == "random";
        if (traffic.random_repeat_start || text == "first") return absl::OkStatus();
        return absl::InvalidArgumentError(absl::StrCat("\"", text, "\": expected first or random"));
      });
  add.Number("--pool-share", traffic.pool_share,
             "Share of the requests that is replayed, drawn by the seed", 0.0, 1.0);
  add.Number("--calibration-share", config.calibration_share,
             "Share of the requests, drawn by the seed, that serves only to fit; 0: a policy\n"
             "that wants a fit is fitted to what is replayed, and says so",
             0.0, 1.0);
}

void AddResponses(Adder& add, SimFlags& sim) {
  engines::ResponseOptions& response = sim.config.response;
  add.Group("Traces of responses");
  add.Number("--top-k", response.geometry.top_k,
             "Experts per token; needed for SGLang, whose form does not tell it; 0: not known", 0u,
             engines::kMaxExperts);
  add.Number("--hidden-layers", response.hidden_layers,
             "Hidden layers, dense ones included; needed for SGLang likewise", 0u,
             engines::kMaxHiddenLayers);
  add.Text("--moe-layers", "A-B,...",
           "Which hidden layers are MoE layers; the others' rows are dropped", "all",
           [&response](const std::string& text) {
             ELDR_ASSIGN_OR_RETURN(response.geometry.moe_hidden_layers, ParseLayers(text));
             return absl::OkStatus();
           });
}

void AddStepTime(Adder& add, const std::string& prefix, StepTimeShape& shape) {
  add.Duration(prefix + "base", shape.base, "Step time of an empty batch");
  add.Duration(prefix + "all-experts", shape.all_experts,
               "Time to load every expert of every layer");
  add.Duration(prefix + "per-request", shape.per_request, "Time per request of the batch");
  add.Duration(prefix + "per-context-token", shape.per_context_token,
               "Time per token of KV that the batch holds");
}

void AddNodes(Adder& add, SimFlags& sim) {
  replay::ReplayOptions& replay = sim.config.replay;
  add.Group("Nodes");
  AddStepTime(add, "--", replay.step_time);
  add.Text("--bucket-offsets", "B:T,...", "Further time of batches up to B, by captured graph", "",
           [&replay](const std::string& text) {
             ELDR_ASSIGN_OR_RETURN(replay.bucket_offsets, ParseBucketOffsets(text));
             return absl::OkStatus();
           });
  add.Number("--capacity", replay.capacity, "Most requests on a node; 0: no limit", 0u, 1'000'000u);
  add.Number("--kv-capacity", replay.kv_capacity, "Most KV tokens on a node; 0: no limit",
             std::uint64_t{0}, std::uint64_t{1'000'000'000'000});
  add.Duration("--transfer-delay", replay.transfer_delay,
               "From a placement to the moment the request can join");
  add.Duration("--heartbeat-interval", replay.heartbeat_interval, "Between a node's reports");
  add.Duration("--heartbeat-delay", replay.heartbeat_delay, "Until a report reaches the router");
}

void AddPolicies(Adder& add, SimFlags& sim) {
  SimConfig& config = sim.config;
  PolicySettings& settings = config.settings;
  add.Group("Policies");
  add.Number("--w", settings.w, "Weight of the slowdown of others", 0.0, 1e6);
  // Checked here too: with --replay nothing else reads the settings before they are used.
  const std::vector<absl::string_view> objectives = ObjectiveNames();
  add.app()
      .add_option(
          "--objective", settings.objective,
          absl::StrCat("Whose time residency cares for most: ", absl::StrJoin(objectives, ", ")))
      ->check(CLI::IsMember(std::vector<std::string>(objectives.begin(), objectives.end())))
      ->type_name("NAME")
      ->capture_default_str()
      ->group(add.group());
  add.Number("--kappa", settings.estimate.kappa, "Weight of the prior, in tokens", 1e-9, 1e6);
  add.Number("--n0", settings.estimate.n0, "Tokens a long prompt counts for at most", 1e-9, 1e9);
  add.Number("--p-max", settings.estimate.p_max, "No expert is taken for more certain", 1e-9,
             kMaxActivation);
  add.Number("--tau", settings.locality_band.tau, "Width of the locality band", 0.0, 2.0);
  add.app()
      .add_option("--profile", config.profile, "Profile for the locality band, instead of a fit")
      ->type_name("FILE")
      ->group(add.group());
  AddStepTime(add, "--believed-", settings.step_time);
}

void AddOutput(Adder& add, SimFlags& sim) {
  add.Group("Output");
  flags::AddFormat(add.app(), sim.json)->group(add.group());
  flags::AddDuration(add.app(), "--tpot-limit", sim.config.replay.time_limit,
                     "Count requests within this time per output token", kSimulated)
      ->group(add.group());
  add.app()
      .add_flag("--time-decisions", sim.config.time_decisions,
                "Real time that placements take; equal seeds then differ in it")
      ->group(add.group());
  add.app().add_flag("--quiet", sim.quiet, "No progress")->group(add.group());
}

// What only all flags together tell. A coefficient that was not given as believed is believed as it
// is.
void Complete(const CLI::App& app, SimConfig& config) {
  const StepTimeShape& truth = config.replay.step_time;
  StepTimeShape& believed = config.settings.step_time;
  if (app.count("--believed-base") == 0) believed.base = truth.base;
  if (app.count("--believed-all-experts") == 0) believed.all_experts = truth.all_experts;
  if (app.count("--believed-per-request") == 0) believed.per_request = truth.per_request;
  if (app.count("--believed-per-context-token") == 0) {
    believed.per_context_token = truth.per_context_token;
  }
  if (!config.scenario.empty()) Check(ReadScenario(config.scenario, config));
  if (config.traffic.output_from_file && config.traffic.arrivals != ArrivalKind::kFile) {
    throw CLI::ValidationError("--output-tokens",
                               "\"file\": expected --arrivals with a file that has lengths");
  }
  Check(CheckConfig(config));
}

// Decisions are made again by a router, so only its policies can be asked for.
void CheckReplay(const SimConfig& config) {
  const std::vector<absl::string_view> known = PolicyNames();
  for (const std::string& policy : config.policies) {
    if (std::find(known.begin(), known.end(), policy) != known.end()) continue;
    throw CLI::ValidationError("--policy",
                               absl::StrCat("\"", policy, "\": with --replay expected one of ",
                                            absl::StrJoin(known, ", ")));
  }
  if (!config.trace.empty()) throw CLI::ValidationError("--trace", "expected none with --replay");
}

}  // namespace

std::optional<SimFlags> ParseSimFlags(int argc, char** argv, int* exit_code) {
  SimFlags sim;
  CLI::App app(kAbout, "eldr-sim");
  app.footer(kResponses);
  Adder add(app);
  AddRun(add, sim);
  AddTraffic(add, sim);
  AddResponses(add, sim);
  AddNodes(add, sim);
  AddPolicies(add, sim);
  AddOutput(add, sim);
  const auto check = [&app, &sim] {
    if (!sim.replay.empty()) return CheckReplay(sim.config);
    if (sim.config.trace.empty()) throw CLI::RequiredError("--trace or --replay");
    Complete(app, sim.config);
  };
  if (!flags::Parse(app, argc, argv, exit_code, check)) return std::nullopt;
  return sim;
}

}  // namespace eldr::sim

#include "tools/demo/demo_options.h"

#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <filesystem>

#include "client/flags/command_line.h"
#include "client/flags/duration_option.h"

namespace eldr::demo {
namespace {

// The folder of this program; empty if the system does not tell.
std::filesystem::path OwnFolder() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
}

bool IsThere(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// A program beside this one, as installed; else of the same build, by its path in the build's
// folder.
std::string Companion(const std::string& name, const std::string& built) {
  const std::filesystem::path folder = OwnFolder();
  if (IsThere(folder / name)) return folder / name;
  return folder.parent_path().parent_path() / built;
}

// The trace as installed, else in the sources.
std::string DemoTrace() {
  const std::filesystem::path installed =
      (OwnFolder() / "../share/eldr/gptoss20b").lexically_normal();
  return IsThere(installed) ? installed.string() : ELDR_DEMO_TRACE;
}

constexpr flags::DurationRange kSimulated = {.most = absl::Hours(24), .seconds_without_unit = true};

}  // namespace

std::optional<DemoOptions> ParseDemoOptions(int argc, char** argv, int* exit_code) {
  DemoOptions options;
  options.eldrd = Companion("eldrd", "server/eldrd");
  options.eldrctl = Companion("eldrctl", "client/ctl/eldrctl");
  options.trace = DemoTrace();
  options.keep = isatty(STDOUT_FILENO) != 0;

  CLI::App app(
      "Starts eldrd, replays real routed experts through it once per policy, and compares them.",
      "eldr-demo");
  app.add_option("--eldrd", options.eldrd, "The daemon's program")->capture_default_str();
  app.add_option("--eldrctl", options.eldrctl, "eldrctl, for the commands it names at the end")
      ->capture_default_str();
  app.add_option("--trace", options.trace, "Folder with routed_experts.npy and requests.csv")
      ->capture_default_str();
  app.add_option("--model", options.model, "The model's name; a policy's model is NAME.POLICY")
      ->capture_default_str();
  app.add_option("--policies", options.policies, "Policies to compare, NAME,...")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--nodes", options.nodes, "Decode nodes per model")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--rate-per-node", options.rate_per_node, "Requests per second and node")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  flags::AddDuration(app, "--warmup", options.warmup,
                     "Simulated time before requests are measured [20s]", kSimulated);
  flags::AddDuration(app, "--duration", options.duration,
                     "Simulated time until no more requests are measured [2m]", kSimulated);
  app.add_option("--seed", options.seed, "Equal seeds give equal numbers")->capture_default_str();
  app.add_option_function<std::string>(
         "--output-tokens",
         [&options](const std::string& text) {
           const auto length = replay::ParseOutputLength(text);
           if (!length.ok()) throw CLI::ValidationError(std::string(length.status().message()));
           options.output = *length;
         },
         "Tokens each request generates: a number, trace or exp:MEAN [256]")
      ->type_name("LENGTH");
  app.add_option("--signature-tokens", options.signature_tokens,
                 "First tokens of a request that make its signature")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_flag("--keep,!--no-keep", options.keep,
               "Stay after the table until Ctrl-C [if the output is a terminal]");
  if (!flags::Parse(app, argc, argv, exit_code)) return std::nullopt;
  return options;
}

}  // namespace eldr::demo

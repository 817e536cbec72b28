#include "tools/fit/fit_flags.h"

#include <CLI/CLI.hpp>

#include "client/flags/command_line.h"

namespace eldr::fit {
namespace {

constexpr const char* kAbout =
    "eldr-fit fits a profile for the policies locality_band and locality_band_online: the IDF\n"
    "weights, the layer mask (where decode counts are known) and a centroid for each decode node.\n"
    "\n"
    "It fits either to captured signatures, those that eldrd records (capture.directory) or "
    "frames:\n"
    "  eldr-fit --captures /var/lib/eldr/*.eldrcap --layers 48 --experts 128 --nodes 16 \\\n"
    "           --out profile.json\n"
    "or to a trace folder (routed_experts.npy and requests.csv):\n"
    "  eldr-fit --trace DIR --signature-tokens 64 --nodes 8 --out profile.json";

constexpr const char* kFormats =
    "A capture is a file that eldrd recorded, or a file of frames: a uint32 length "
    "(little-endian),\n"
    "then [layers, experts] counts as int16, or gate probabilities as float32 with --variant\n"
    "gate_prob_all. Decode counts that eldrd recorded select the layer mask, if at least half of "
    "the\n"
    "requests have them.\n"
    "\n"
    "Exit status: 0 the profile is written, 1 it could not be fitted or written, 2 wrong flags.";

void AddInput(CLI::App& app, FitFlags& fit) {
  CLI::Option* captures =
      app.add_option("--captures", fit.captures,
                     "Captured signatures: recorded by eldrd, or a frame per request")
          ->type_name("FILE...")
          ->group("Input");
  CLI::Option* decode =
      app.add_option("--decode-captures", fit.decode_captures,
                     "Decode counts of the same requests in the same order, as int16 frames; the\n"
                     "layer mask is selected by them")
          ->type_name("FILE...")
          ->needs(captures)
          ->group("Input");
  app.add_option("--model", fit.model,
                 "The model whose requests to take, if eldrd recorded several")
      ->needs(captures)
      ->group("Input");
  app.add_option("--requests", fit.most_requests,
                 "Fit to this many requests at most, the newest, of what eldrd recorded")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str()
      ->needs(captures)
      ->group("Input");
  CLI::Option* layers = app.add_option("--layers", fit.layers, "MoE layers of the model")
                            ->check(CLI::Range(1, 1024))
                            ->group("Input");
  CLI::Option* experts =
      app.add_option("--experts", fit.experts,
                     "Experts per layer; of a trace by default one more than its highest id")
          ->check(CLI::Range(1, 4096))
          ->group("Input");
  captures->needs(layers, experts);
  CLI::Option* trace = app.add_option("--trace", fit.trace, "Trace folder to fit to")
                           ->type_name("DIR")
                           ->excludes(captures)
                           ->excludes(decode)
                           ->group("Input");
  app.add_option("--signature-tokens", fit.signature_tokens,
                 "First tokens of a trace's request that make its signature; the rest is its\n"
                 "decode. 0: its prefill_tokens")
      ->capture_default_str()
      ->needs(trace)
      ->group("Input");
  app.add_option("--calibration-share", fit.calibration_share,
                 "Share of the trace's requests, drawn by the seed, to fit to")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str()
      ->needs(trace)
      ->group("Input");
}

}  // namespace

std::optional<FitFlags> ParseFitFlags(int argc, char** argv, int* exit_code) {
  FitFlags fit;
  CLI::App app{kAbout};
  app.name("eldr-fit");
  app.footer(kFormats);
  AddInput(app, fit);
  app.add_option("--nodes", fit.nodes, "Decode nodes: the number of centroids")
      ->required()
      ->check(CLI::Range(1, 4096));
  app.add_option("--out", fit.out, "Profile to write")->type_name("PROFILE")->required();
  app.add_option("--variant", fit.variant,
                 "count: all layers, no weights; count_idf; gate_prob_all: float32 captures")
      ->check(CLI::IsMember({"count", "count_idf", "gate_prob_all"}))
      ->capture_default_str();
  app.add_option("--seed", fit.seed, "Seeds all random choices")->capture_default_str();
  app.add_flag("--quiet", fit.quiet, "Show no progress");
  const auto check = [&fit] {
    if (fit.captures.empty() && fit.trace.empty()) {
      throw CLI::RequiredError("--captures or --trace");
    }
    if (!fit.trace.empty() && fit.variant == "gate_prob_all") {
      throw CLI::ValidationError("--variant", "a trace holds no gate probabilities");
    }
  };
  if (!flags::Parse(app, argc, argv, exit_code, check)) return std::nullopt;
  return fit;
}

}  // namespace eldr::fit

#include "bench/synthetic/synthesize_flags.h"

#include <CLI/CLI.hpp>

namespace eldr::synthetic {
namespace {

constexpr const char* kAbout =
    "eldr-synthesize draws a SYNTHETIC trace of routed experts for a model whose routing is known\n"
    "only as tables of counts per domain, and prints what it measured on the trace:\n"
    "  eldr-synthesize --marginals tests/data/qwen3_30b_mgsm --out build/synthetic";

constexpr const char* kExit =
    "Exit status: 0 the trace is written, 1 it could not be drawn or written, 2 wrong flags.";

constexpr int kWrongFlags = 2;

}  // namespace

std::optional<SynthesizeFlags> ParseSynthesizeFlags(int argc, char** argv, int* exit_code) {
  SynthesizeFlags flags;
  CLI::App app{kAbout};
  app.name("eldr-synthesize");
  app.footer(kExit);
  app.option_defaults()->always_capture_default();
  app.add_option("--marginals", flags.marginals, "Folder with counts.npy and languages.txt")
      ->type_name("DIR")
      ->required();
  app.add_option("--out", flags.out, "Trace folder to write")->type_name("DIR")->required();
  app.add_option("--requests", flags.size.requests, "Distinct requests; domains take turns");
  app.add_option("--prefill-tokens", flags.size.prefill_tokens, "Prompt tokens of a request");
  app.add_option("--decode-tokens", flags.size.decode_tokens, "Answer tokens of a request");
  app.add_option("--seed", flags.model.seed, "Seeds all random choices");
  app.add_option("--top-k", flags.model.top_k, "Experts of a token in each layer");
  app.add_option("--sharpen", flags.model.sharpen,
                 "How far the domains are moved apart; 1: not at all");
  app.add_option("--request-spread", flags.model.request_spread,
                 "How much requests of a domain differ");
  app.add_option("--phase-spread", flags.model.phase_spread,
                 "How much a request's answer differs from its prompt");
  app.add_flag("--quiet", flags.quiet, "Show no progress");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    *exit_code = app.exit(error) == 0 ? 0 : kWrongFlags;
    return std::nullopt;
  }
  return flags;
}

}  // namespace eldr::synthetic

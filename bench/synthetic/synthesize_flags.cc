#include "bench/synthetic/synthesize_flags.h"

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "client/flags/command_line.h"

namespace eldr::synthetic {
namespace {

constexpr const char* kAbout =
    "eldr-synthesize draws a SYNTHETIC trace of routed experts for a model whose routing is known\n"
    "only as tables of counts per domain, and prints what it measured on the trace:\n"
    "  eldr-synthesize --marginals tests/data/qwen3_30b_mgsm --out build/synthetic";

constexpr const char* kExit =
    "Exit status: 0 the trace is written, 1 it could not be drawn or written, 2 wrong flags.";

}  // namespace

std::optional<SynthesizeFlags> ParseSynthesizeFlags(int argc, char** argv, int* exit_code) {
  SynthesizeFlags synthesize;
  CLI::App app{kAbout};
  app.name("eldr-synthesize");
  app.footer(kExit);
  app.option_defaults()->always_capture_default();
  app.add_option("--marginals", synthesize.marginals,
                 "Folder with counts.npy and languages.txt, or a trace, whose tokens are counted")
      ->type_name("DIR")
      ->required();
  app.add_option("--out", synthesize.out, "Trace folder to write")->type_name("DIR")->required();
  app.add_option("--requests", synthesize.size.requests, "Distinct requests; domains take turns");
  app.add_option("--prefill-tokens", synthesize.size.prefill_tokens, "Prompt tokens of a request");
  app.add_option("--decode-tokens", synthesize.size.decode_tokens, "Answer tokens of a request");
  app.add_option("--seed", synthesize.model.seed, "Seeds all random choices");
  app.add_option("--top-k", synthesize.model.top_k, "Experts of a token in each layer");
  app.add_option("--sharpen", synthesize.model.sharpen,
                 "How far the domains are moved apart; 1: not at all");
  app.add_option("--request-spread", synthesize.model.request_spread,
                 "How much requests of a domain differ");
  app.add_option("--phase-spread", synthesize.model.phase_spread,
                 "How much a request's answer differs from its prompt");
  app.add_option_function<std::vector<std::string>>(
         "--domain",
         [&synthesize](const std::vector<std::string>& texts) {
           for (const std::string& text : texts) {
             const auto domain = ParseDomainOfMix(text);
             if (!domain.ok()) {
               throw CLI::ValidationError("--domain", std::string(domain.status().message()));
             }
             synthesize.model.mix.push_back(*domain);
           }
         },
         "Only these domains, each with its share of the requests and, if given, spreads of its "
         "own,\ne.g. --domain en:60:0.1 --domain sw:5:0.6:2; without: all, in equal shares")
      ->type_name("NAME:SHARE[:REQUEST_SPREAD[:PHASE_SPREAD]]")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_flag("--quiet", synthesize.quiet, "Show no progress");
  if (!flags::Parse(app, argc, argv, exit_code)) return std::nullopt;
  return synthesize;
}

}  // namespace eldr::synthetic

// eldr-synthesize: draws a synthetic trace and says what it is like.
#include <unistd.h>

#include <cstdio>
#include <string>

#include "absl/strings/str_format.h"
#include "bench/synthetic/marginals.h"
#include "bench/synthetic/synthesize_flags.h"
#include "bench/synthetic/synthetic_trace.h"
#include "bench/synthetic/trace_figures.h"
#include "core/base/status_macros.h"

namespace eldr::synthetic {
namespace {

std::string Readme(const SynthesizeFlags& flags, const SyntheticTrace& trace,
                   const std::string& figures) {
  return absl::StrFormat(
      "# SYNTHETIC routed experts\n\n"
      "No model produced these ids. eldr-synthesize drew them from tables of a real model's "
      "expert\n"
      "counts per domain; the spread between requests is set, not recorded.\n\n"
      "%d requests of %d + %d tokens, %d layers of %d experts, top-%d, seed %d, sharpen %g,\n"
      "request spread %g, phase spread %g.\n\n"
      "Measured on this trace:\n\n```\n%s```\n",
      trace.size.requests, trace.size.prefill_tokens, trace.size.decode_tokens, trace.layers,
      trace.experts, trace.top_k, flags.model.seed, flags.model.sharpen, flags.model.request_spread,
      flags.model.phase_spread, figures);
}

absl::Status Synthesize(const SynthesizeFlags& flags) {
  ELDR_ASSIGN_OR_RETURN(const Marginals marginals, LoadMarginals(flags.marginals));
  const bool progress = !flags.quiet && isatty(STDERR_FILENO) == 1;
  ELDR_ASSIGN_OR_RETURN(const SyntheticTrace trace,
                        DrawTrace(marginals, flags.model, flags.size, [&](std::size_t done) {
                          if (progress)
                            std::fprintf(stderr, "\r\033[Kdrawn %zu of %zu", done,
                                         flags.size.requests);
                        }));
  if (progress) std::fputs("\r\033[K", stderr);
  const std::string figures = DescribeFigures(MeasureTrace(trace, marginals, flags.model.seed));
  ELDR_RETURN_IF_ERROR(WriteTrace(trace, Readme(flags, trace, figures), flags.out));
  std::printf("wrote %s: %zu SYNTHETIC requests of %zu + %zu tokens\n%s", flags.out.c_str(),
              trace.size.requests, trace.size.prefill_tokens, trace.size.decode_tokens,
              figures.c_str());
  return absl::OkStatus();
}

}  // namespace
}  // namespace eldr::synthetic

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto flags = eldr::synthetic::ParseSynthesizeFlags(argc, argv, &exit_code);
  if (!flags) return exit_code;
  const absl::Status status = eldr::synthetic::Synthesize(*flags);
  if (status.ok()) return 0;
  std::fprintf(stderr, "eldr-synthesize: %s\n", std::string(status.message()).c_str());
  return 1;
}

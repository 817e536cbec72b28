// The command line of eldr-synthesize.
#ifndef ELDR_BENCH_SYNTHETIC_SYNTHESIZE_FLAGS_H_
#define ELDR_BENCH_SYNTHETIC_SYNTHESIZE_FLAGS_H_

#include <optional>
#include <string>

#include "bench/synthetic/routing_model.h"
#include "bench/synthetic/synthetic_trace.h"

namespace eldr::synthetic {

struct SynthesizeFlags {
  std::string marginals;
  std::string out;
  TraceSize size;
  RoutingModel::Options model;
  bool quiet = false;
};

// None if the program is to end with *exit_code: help was asked for, or the flags are wrong.
std::optional<SynthesizeFlags> ParseSynthesizeFlags(int argc, char** argv, int* exit_code);

}  // namespace eldr::synthetic

#endif  // ELDR_BENCH_SYNTHETIC_SYNTHESIZE_FLAGS_H_

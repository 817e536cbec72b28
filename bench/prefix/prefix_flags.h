// The command line of eldr-prefix.
#ifndef ELDR_BENCH_PREFIX_PREFIX_FLAGS_H_
#define ELDR_BENCH_PREFIX_PREFIX_FLAGS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "bench/prefix/prefix_replay.h"

namespace eldr::prefix {

struct PrefixFlags {
  std::string prompts;
  std::string routing;
  std::size_t requests = 0;  // 0: all
  std::uint64_t seed = 1;
  PrefixOptions options;
  bool json = false;
  bool quiet = false;
};

// None if the program is to end with *exit_code: help was asked for, or the flags are wrong.
std::optional<PrefixFlags> ParsePrefixFlags(int argc, const char* const* argv, int* exit_code);

}  // namespace eldr::prefix

#endif  // ELDR_BENCH_PREFIX_PREFIX_FLAGS_H_

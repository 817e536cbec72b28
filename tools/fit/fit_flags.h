// The command line of eldr-fit.
#ifndef ELDR_TOOLS_FIT_FIT_FLAGS_H_
#define ELDR_TOOLS_FIT_FIT_FLAGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace eldr::fit {

struct FitFlags {
  // Either captures or a trace.
  std::vector<std::string> captures;
  std::vector<std::string> decode_captures;
  std::string model;  // of captures by eldrd
  std::size_t most_requests = 2000;
  std::uint32_t layers = 0;   // of captures
  std::uint32_t experts = 0;  // of captures; of a trace 0 means: as many as it shows
  std::string trace;
  std::uint32_t signature_tokens = 64;
  double calibration_share = 1;

  std::uint32_t nodes = 0;
  std::string variant = "count_idf";
  std::uint64_t seed = 1;
  std::string out;
  bool quiet = false;
};

// None if the program is to end with *exit_code: help was asked for, or the flags are wrong.
std::optional<FitFlags> ParseFitFlags(int argc, char** argv, int* exit_code);

}  // namespace eldr::fit

#endif  // ELDR_TOOLS_FIT_FIT_FLAGS_H_

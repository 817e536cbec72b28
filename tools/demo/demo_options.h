// The command line of eldr-demo.
#ifndef ELDR_TOOLS_DEMO_DEMO_OPTIONS_H_
#define ELDR_TOOLS_DEMO_DEMO_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tools/replay/workload.h"

namespace eldr::demo {

struct DemoOptions {
  std::string eldrd;
  std::string eldrctl;
  std::string trace;
  std::string model = "gpt-oss-20b";
  std::vector<std::string> policies = {"residency", "least_loaded", "power_of_two", "round_robin",
                                       "random"};
  std::uint32_t nodes = 8;
  double rate_per_node = 3;
  absl::Duration warmup = absl::Seconds(20);
  absl::Duration duration = absl::Seconds(120);
  std::uint64_t seed = 1;
  replay::OutputLength output;
  std::uint32_t signature_tokens = 64;
  // Stay after the table until interrupted.
  bool keep = false;
};

// Nothing if the process should end with `exit_code`: help was printed, or what is wrong.
std::optional<DemoOptions> ParseDemoOptions(int argc, char** argv, int* exit_code);

}  // namespace eldr::demo

#endif  // ELDR_TOOLS_DEMO_DEMO_OPTIONS_H_

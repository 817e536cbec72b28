// eldr-demo: flags -> RunDemo.
#include <cstdio>
#include <string>

#include "tools/demo/demo.h"
#include "tools/demo/demo_options.h"
#include "tools/process/interrupt.h"

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options = eldr::demo::ParseDemoOptions(argc, argv, &exit_code);
  if (!options.has_value()) return exit_code;
  eldr::demo::CatchInterrupts();
  const absl::Status status = eldr::demo::RunDemo(*options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "eldr-demo: %s\n", std::string(status.message()).c_str());
  // As a shell reports a program that Ctrl-C ended.
  return absl::IsCancelled(status) ? 130 : 1;
}

// eldr-soak: options -> RunSoak -> verdict.
#include <cstdio>

#include "absl/strings/str_format.h"
#include "bench/soak/soak.h"
#include "bench/soak/soak_options.h"
#include "tools/process/interrupt.h"

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options = eldr::ParseSoakOptions(argc, argv, &exit_code);
  if (!options.has_value()) return exit_code;
  eldr::demo::CatchInterrupts();
  const absl::StatusOr<eldr::SoakReport> report = eldr::RunSoak(*options);
  if (!report.ok()) {
    absl::FPrintF(stderr, "eldr-soak: %s\n", report.status().message());
    return absl::IsCancelled(report.status()) ? 130 : 1;
  }
  std::fputs(report->text.c_str(), stdout);
  for (const std::string& failure : report->failures) absl::PrintF("FAILED: %s\n", failure);
  if (report->failures.empty()) std::puts("it held");
  return report->failures.empty() ? 0 : 1;
}

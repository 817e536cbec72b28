// What a process of this machine has used.
#ifndef ELDR_TOOLS_LOADGEN_PROCESS_USAGE_H_
#define ELDR_TOOLS_LOADGEN_PROCESS_USAGE_H_

#include <sys/types.h>

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace eldr::loadgen {

struct ProcessUsage {
  absl::Duration cpu;  // of all its threads since it began, those that have ended included
  std::uint64_t resident_bytes = 0;
};

// NOT_FOUND, naming the process, if there is none.
absl::StatusOr<ProcessUsage> UsageOf(pid_t pid);

}  // namespace eldr::loadgen

#endif  // ELDR_TOOLS_LOADGEN_PROCESS_USAGE_H_

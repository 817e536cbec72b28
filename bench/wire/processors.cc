#include "bench/wire/processors.h"

#include <cstddef>
#include <optional>

namespace eldr {

OnOneProcessor::OnOneProcessor(Which which) {
  CPU_ZERO(&before_);
  sched_getaffinity(0, sizeof(before_), &before_);
  std::optional<std::size_t> chosen;
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &before_) && (!chosen.has_value() || which == kLast)) chosen = cpu;
  }
  cpu_set_t one;
  CPU_ZERO(&one);
  if (chosen.has_value()) CPU_SET(*chosen, &one);
  sched_setaffinity(0, sizeof(one), &one);
}

OnOneProcessor::~OnOneProcessor() { sched_setaffinity(0, sizeof(before_), &before_); }

}  // namespace eldr

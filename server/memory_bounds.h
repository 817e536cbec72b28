// How much memory a configuration lets the daemon use.
#ifndef ELDR_SERVER_MEMORY_BOUNDS_H_
#define ELDR_SERVER_MEMORY_BOUNDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "server/config/config.h"

namespace eldr {

struct MemoryBound {
  const char* key;
  std::uint64_t bytes = 0;  // of all models
};

// The bounds in bytes that may be reached together, the largest first; those of a model for each
// configured one, and for one at least. Leases, nodes and receipts are bounded by number, not here.
std::vector<MemoryBound> MemoryBounds(const Config& config);

// Why a process that may use `limit` bytes could be killed for want of memory before its own bounds
// help; empty if they are within the limit.
std::string MemoryWarning(const Config& config, std::uint64_t limit);

}  // namespace eldr

#endif  // ELDR_SERVER_MEMORY_BOUNDS_H_

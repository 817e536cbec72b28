#include "server/memory_bounds.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace eldr {
namespace {

std::string InMiB(std::uint64_t bytes) { return absl::StrCat(bytes >> 20, "MiB"); }

}  // namespace

std::vector<MemoryBound> MemoryBounds(const Config& config) {
  const std::uint64_t models = std::max<std::uint64_t>(config.models.size(), 1);
  std::vector<MemoryBound> bounds = {
      {"grpc.max_transport_bytes", config.grpc.max_transport_bytes},
      {"limits.wait_bytes", config.limits.wait_bytes},
      {"limits.answer_bytes", config.limits.answer_bytes},
      {"signature_store_bytes", models * config.router.signature_store_bytes},
      {"block_store_bytes", models * config.router.block_store_bytes}};
  std::stable_sort(bounds.begin(), bounds.end(),
                   [](const MemoryBound& a, const MemoryBound& b) { return a.bytes > b.bytes; });
  return bounds;
}

std::string MemoryWarning(const Config& config, std::uint64_t limit) {
  std::uint64_t sum = 0;
  std::string parts;
  for (const MemoryBound& bound : MemoryBounds(config)) {
    sum += bound.bytes;
    absl::StrAppend(&parts, parts.empty() ? "" : ", ", bound.key, " ", InMiB(bound.bytes));
  }
  if (sum <= limit) return "";
  return absl::StrCat(
      "the control group allows ", InMiB(limit), ", the bounds ", InMiB(sum), " together (", parts,
      "): lower them or raise the limit, or the process may be killed before they help");
}

}  // namespace eldr

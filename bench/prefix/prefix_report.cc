#include "bench/prefix/prefix_report.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace eldr::prefix {
namespace {

double Share(double part, std::uint64_t whole) {
  return whole == 0 ? 0 : part / static_cast<double>(whole);
}

// Microseconds.
struct Times {
  double p50 = 0;
  double p99 = 0;
  double mean = 0;
};

Times TimesOf(std::vector<absl::Duration> times) {
  if (times.empty()) return {};
  std::sort(times.begin(), times.end());
  absl::Duration sum;
  for (const absl::Duration time : times) sum += time;
  const auto rank = [&](double share) {
    const auto place = static_cast<std::size_t>(share * static_cast<double>(times.size() - 1));
    return absl::ToDoubleMicroseconds(times[place]);
  };
  return {rank(0.5), rank(0.99),
          absl::ToDoubleMicroseconds(sum) / static_cast<double>(times.size())};
}

// As wide as SideRow.
std::string HeaderRow(const std::array<const char*, 12>& names) {
  return absl::StrFormat("%-7s %9s %9s %7s %9s %9s %9s %9s %8s %8s %8s %11s\n", names[0], names[1],
                         names[2], names[3], names[4], names[5], names[6], names[7], names[8],
                         names[9], names[10], names[11]);
}

std::string SideRow(const char* name, const SideResult& side, std::uint64_t prompts) {
  const Times times = TimesOf(side.times);
  return absl::StrFormat(
      "%-7s %9d %9.1f %7.0f %9d %8.2f%% %8.2f%% %8.2f%% %8.1f %8.1f %8.1f %11d\n", name,
      side.blocks, static_cast<double>(side.peak_bytes) / (1 << 20),
      Share(static_cast<double>(side.bytes), side.blocks), side.evicted,
      100 * Share(static_cast<double>(side.hits), side.hits + side.misses),
      100 * Share(static_cast<double>(side.complete), prompts), 100 * Share(side.coverage, prompts),
      times.p50, times.p99, times.mean, side.mismatches);
}

nlohmann::ordered_json SideJson(const SideResult& side, std::uint64_t prompts) {
  const Times times = TimesOf(side.times);
  return {{"blocks", side.blocks},
          {"bytes", side.bytes},
          {"peak_bytes", side.peak_bytes},
          {"evicted", side.evicted},
          {"hits", side.hits},
          {"misses", side.misses},
          {"complete_share", Share(static_cast<double>(side.complete), prompts)},
          {"mean_coverage", Share(side.coverage, prompts)},
          {"compose_us", {{"p50", times.p50}, {"p99", times.p99}, {"mean", times.mean}}},
          {"mismatches", side.mismatches}};
}

}  // namespace

std::string TableReport(const PrefixFlags& flags, const ModelGeometry& geometry,
                        const PrefixResult& result) {
  std::string text = absl::StrFormat(
      "%d prompts of %.1f million tokens in all, in blocks of %d; experts %s.\n"
      "Prompts and experts are real, their join is SYNTHETIC (seed %d).\n"
      "%d prefill workers that cache %d blocks each: %.1f%% of the tokens came from a cache, in "
      "%.1f%% of the\nprompts. Fresh tokens alone cover %.1f%% of a prompt in the mean.\n\n",
      result.prompts, static_cast<double>(result.tokens) / 1e6, kBlockTokens,
      DescribeGeometry(geometry), flags.seed, flags.options.workers, flags.options.cache_blocks,
      100 * Share(static_cast<double>(result.cached_tokens), result.tokens),
      100 * Share(static_cast<double>(result.cached_prompts), result.prompts),
      100 * Share(result.fresh_coverage, result.prompts));
  absl::StrAppend(&text,
                  HeaderRow({"", "", "peak", "bytes", "rows", "blocks", "prompts", "mean", "",
                             "compose", "us", "wrong"}),
                  HeaderRow({"side", "rows", "MiB", "a row", "evicted", "found", "complete",
                             "coverage", "P50", "P99", "mean", "signatures"}),
                  SideRow("worker", result.worker, result.prompts),
                  SideRow("router", result.router, result.prompts));
  absl::StrAppend(&text, "\n",
                  result.mismatches() == 0
                      ? "Every complete signature is that of a prefill from nothing.\n"
                      : "FAILED: a complete signature is not that of a prefill from nothing.\n");
  return text;
}

std::string JsonReport(const PrefixFlags& flags, const ModelGeometry& geometry,
                       const PrefixResult& result) {
  const nlohmann::ordered_json json = {
      {"synthetic_join", true},
      {"seed", flags.seed},
      {"geometry",
       {{"layers", geometry.layers}, {"experts", geometry.experts}, {"top_k", geometry.top_k}}},
      {"block_tokens", kBlockTokens},
      {"workers", flags.options.workers},
      {"cache_blocks", flags.options.cache_blocks},
      {"worker_bytes_limit", flags.options.worker_bytes},
      {"router_bytes_limit", flags.options.router_bytes},
      {"prompts", result.prompts},
      {"tokens", result.tokens},
      {"cached_tokens", result.cached_tokens},
      {"cached_prompts", result.cached_prompts},
      {"fresh_coverage", Share(result.fresh_coverage, result.prompts)},
      {"worker", SideJson(result.worker, result.prompts)},
      {"router", SideJson(result.router, result.prompts)}};
  return json.dump(2) + "\n";
}

}  // namespace eldr::prefix

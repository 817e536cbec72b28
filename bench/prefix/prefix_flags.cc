#include "bench/prefix/prefix_flags.h"

#include <CLI/CLI.hpp>

#include "client/flags/command_line.h"

namespace eldr::prefix {
namespace {

constexpr const char* kAbout =
    "eldr-prefix replays recorded prompts on prefill workers with KV caches, keeps the expert "
    "counts\n"
    "of each cached block, and checks that the signature composed of them is, count by count, that "
    "of\n"
    "a prefill from nothing:\n"
    "  eldr-prefix --prompts tests/data/arrivals/mooncake_conversation.jsonl \\\n"
    "    --routing tests/data/gptoss20b\n"
    "The prompts and what they share are real, and so are the routed experts, but not of these\n"
    "prompts: the join is SYNTHETIC.";

constexpr const char* kExit =
    "Exit status: 0 every composed signature was right, 1 one was not or the replay failed, 2 "
    "wrong\n"
    "flags.";

}  // namespace

std::optional<PrefixFlags> ParsePrefixFlags(int argc, const char* const* argv, int* exit_code) {
  PrefixFlags prefix;
  CLI::App app{kAbout};
  app.name("eldr-prefix");
  app.footer(kExit);
  app.option_defaults()->always_capture_default();
  app.add_option("--prompts", prefix.prompts, "Mooncake trace: input_length and hash_ids per line")
      ->type_name("FILE.jsonl")
      ->required();
  app.add_option("--routing", prefix.routing, "Folder with routed_experts.npy and requests.csv")
      ->type_name("DIR")
      ->required();
  app.add_option("--requests", prefix.requests, "How many of the prompts; 0: all");
  app.add_option("--seed", prefix.seed, "Chooses which experts are joined with which block");
  app.add_option("--workers", prefix.options.workers, "Prefill workers")
      ->check(CLI::Range(1, 1024));
  app.add_option("--cache-blocks", prefix.options.cache_blocks,
                 "KV blocks of 512 tokens that a worker caches")
      ->check(CLI::Range(1, 10'000'000));
  app.add_option("--worker-bytes", prefix.options.worker_bytes,
                 "The most that a worker's block signatures take, e.g. 256MiB")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false))
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 40));
  app.add_option("--router-bytes", prefix.options.router_bytes,
                 "The most that the router's take, of all workers (block_store_bytes)")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false))
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 40));
  flags::AddFormat(app, prefix.json);
  app.add_flag("--quiet", prefix.quiet, "Show no progress");
  if (!flags::Parse(app, argc, argv, exit_code)) return std::nullopt;
  return prefix;
}

}  // namespace eldr::prefix

#include "bench/prefix/prefix_flags.h"

#include <CLI/CLI.hpp>

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

constexpr int kWrongFlags = 2;

}  // namespace

std::optional<PrefixFlags> ParsePrefixFlags(int argc, const char* const* argv, int* exit_code) {
  PrefixFlags flags;
  CLI::App app{kAbout};
  app.name("eldr-prefix");
  app.footer(kExit);
  app.option_defaults()->always_capture_default();
  app.add_option("--prompts", flags.prompts, "Mooncake trace: input_length and hash_ids per line")
      ->type_name("FILE.jsonl")
      ->required();
  app.add_option("--routing", flags.routing, "Folder with routed_experts.npy and requests.csv")
      ->type_name("DIR")
      ->required();
  app.add_option("--requests", flags.requests, "How many of the prompts; 0: all");
  app.add_option("--seed", flags.seed, "Chooses which experts are joined with which block");
  app.add_option("--workers", flags.options.workers, "Prefill workers")->check(CLI::Range(1, 1024));
  app.add_option("--cache-blocks", flags.options.cache_blocks,
                 "KV blocks of 512 tokens that a worker caches")
      ->check(CLI::Range(1, 10'000'000));
  app.add_option("--worker-bytes", flags.options.worker_bytes,
                 "The most that a worker's block signatures take, e.g. 256MiB")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false))
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 40));
  app.add_option("--router-bytes", flags.options.router_bytes,
                 "The most that the router's take, of all workers (block_store_bytes)")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false))
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 40));
  app.add_option("--format", flags.format, "How to print the result")
      ->check(CLI::IsMember({"table", "json"}));
  app.add_flag("--quiet", flags.quiet, "Show no progress");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    *exit_code = app.exit(error) == 0 ? 0 : kWrongFlags;
    return std::nullopt;
  }
  return flags;
}

}  // namespace eldr::prefix

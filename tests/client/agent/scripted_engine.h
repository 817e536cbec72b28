// An engine that a test plays, without a socket.
#ifndef ELDR_TESTS_CLIENT_AGENT_SCRIPTED_ENGINE_H_
#define ELDR_TESTS_CLIENT_AGENT_SCRIPTED_ENGINE_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "client/agent/engine_watch.h"

namespace eldr::agent {

struct ScriptedEngine {
  // The HTTP statuses of its two pages.
  int health = 200;
  int metrics = 200;
  double running = 0, queued = 0, awake = 1;
  double steps = 0, tokens = 0, latency = 0;
  double start = 100;
  std::string page_text;  // instead of the page, if not empty

  // Steps of 20 ms.
  void Decode(double count, double batch) {
    running = batch;
    steps += count;
    tokens += count * batch;
    latency += count * batch * 0.02;
  }
  void Restart() {
    const double next = start + 1;
    *this = ScriptedEngine();
    start = next;
  }

  std::string Page() const {
    if (!page_text.empty()) return page_text;
    return absl::StrCat(
        "vllm:num_requests_running ", running, "\nvllm:num_requests_waiting ", queued,
        "\nvllm:kv_cache_usage_perc 0.5\nvllm:engine_sleep_state{sleep_state=\"awake\"} ", awake,
        "\nvllm:iteration_tokens_total_count ", steps, "\nvllm:iteration_tokens_total_sum ", tokens,
        "\nvllm:inter_token_latency_seconds_count ", tokens,
        "\nvllm:inter_token_latency_seconds_sum ", latency, "\nvllm:prompt_tokens_total 100",
        "\nprocess_start_time_seconds ", start, "\n");
  }
  EngineWatch::Links Links() {
    return {.metrics =
                [this] {
                  return scrape::PageFetcher::Page{metrics, Page()};
                },
            .health =
                [this] {
                  return scrape::PageFetcher::Page{health, ""};
                }};
  }
  static EngineWatch::Options Options() {
    EngineWatch::Options options;
    options.metrics = scrape::FindEnginePreset("vllm")->metrics;
    return options;
  }
};

}  // namespace eldr::agent

#endif  // ELDR_TESTS_CLIENT_AGENT_SCRIPTED_ENGINE_H_

// Pages of metrics, read by each preset, and the steps between two of them.
#include "client/scrape/engine_page.h"

#include "client/scrape/step_window.h"
#include "tests/fuzz/fuzz_check.h"

namespace eldr::scrape {
namespace {

void CheckPage(const EnginePage& page) {
  FUZZ_CHECK(page.running >= 0 && page.running <= kMostSequences);
  FUZZ_CHECK(page.queued >= 0 && page.queued <= kMostSequences);
  FUZZ_CHECK(!page.kv_usage || (*page.kv_usage >= 0 && *page.kv_usage <= 1));
}

void CheckWindow(const WindowResult& result) {
  if (result.outcome != WindowOutcome::kSteps) return;
  FUZZ_CHECK(result.window.steps >= 1);
  FUZZ_CHECK(result.window.mean_batch >= 1 && result.window.mean_batch <= kMostSequences);
  FUZZ_CHECK(result.window.mean_duration >= absl::ZeroDuration());
}

}  // namespace
}  // namespace eldr::scrape

// The first half is one page and the whole the next, as a page that grows.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eldr::scrape;  // NOLINT(google-build-using-namespace)
  for (const EnginePreset& preset : EnginePresets()) {
    const auto first = ReadEnginePage(eldr::Text(data, size / 2), preset.metrics, {});
    const auto second = ReadEnginePage(eldr::Text(data, size), preset.metrics, {});
    for (const auto* page : {&first, &second}) {
      if (page->ok()) {
        CheckPage(**page);
      } else {
        eldr::CheckRefusal(page->status());
      }
    }
    if (!first.ok() || !second.ok()) continue;
    CheckWindow(StepsBetween(*first, *second));
    CheckWindow(StepsBetween(*second, *first, 4));
  }
  return 0;
}

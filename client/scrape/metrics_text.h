// The text format of Prometheus, as engines serve it.
#ifndef ELDR_CLIENT_SCRAPE_METRICS_TEXT_H_
#define ELDR_CLIENT_SCRAPE_METRICS_TEXT_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace eldr::scrape {

// More labels than this make a line one that is not a sample.
inline constexpr std::size_t kMaxLabels = 32;

// One line of a page.
struct MetricSample {
  absl::string_view name;                                         // of the page's bytes
  std::vector<std::pair<absl::string_view, std::string>> labels;  // as the page has them, unescaped
  double value = 0;                                               // any, NaN and infinities too

  // Empty if there is none, which means the same.
  absl::string_view label(absl::string_view key) const;
};

// Calls `take` for each sample whose name is `wanted`, in the page's order. Comments, timestamps,
// exemplars and lines that are not samples are passed over: an engine may serve whatever it likes.
// Returns how many wanted lines could not be read. The time is linear in the page, and the memory
// that of one line.
std::size_t ForEachSample(absl::string_view page,
                          absl::FunctionRef<bool(absl::string_view name)> wanted,
                          absl::FunctionRef<void(const MetricSample&)> take);

}  // namespace eldr::scrape

#endif  // ELDR_CLIENT_SCRAPE_METRICS_TEXT_H_

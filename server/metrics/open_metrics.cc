#include "server/metrics/open_metrics.h"

#include <prometheus/text_serializer.h>

#include <charconv>
#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace eldr {
namespace {

// "# TYPE eldr_calls_total counter": OpenMetrics names the family without the ending of its
// samples.
void AppendComment(absl::string_view line, bool is_counter, std::string& text) {
  const std::size_t name_end = line.find(' ', line.find(' ', 2) + 1);
  const absl::string_view head = line.substr(0, name_end);
  absl::StrAppend(&text, is_counter ? absl::StripSuffix(head, "_total") : head,
                  line.substr(name_end), "\n");
}

// A bucket's bound is a label, so its spelling matters.
void AppendSample(absl::string_view line, std::string& text) {
  constexpr absl::string_view kBound = "le=\"";
  const std::size_t labels = line.find("_bucket{");
  // The bound is the last label: a value before it that looks like one is passed over.
  const std::size_t bound = labels == absl::string_view::npos ? labels : line.rfind(kBound);
  double number = 0;
  if (bound != absl::string_view::npos) {
    const std::size_t begin = bound + kBound.size();
    const std::size_t end = line.find('"', begin);
    if (absl::SimpleAtod(line.substr(begin, end - begin), &number)) {
      absl::StrAppend(&text, line.substr(0, begin), CanonicalNumber(number), line.substr(end),
                      "\n");
      return;
    }
  }
  absl::StrAppend(&text, line, "\n");
}

}  // namespace

std::string CanonicalNumber(double number) {
  if (std::isinf(number)) return number > 0 ? "+Inf" : "-Inf";
  char digits[32];
  const auto write = [&](std::chars_format format) {
    return std::string(digits, std::to_chars(digits, digits + sizeof(digits), number, format).ptr);
  };
  std::string scientific = write(std::chars_format::scientific);
  int exponent = 0;
  const bool has_exponent =
      absl::SimpleAtoi(scientific.substr(scientific.find('e') + 1), &exponent);
  if (!has_exponent || exponent < -4 || exponent >= 6) return scientific;
  std::string fixed = write(std::chars_format::fixed);
  return absl::StrContains(fixed, '.') ? fixed : fixed + ".0";
}

std::string OpenMetricsText(const std::vector<prometheus::MetricFamily>& families) {
  std::string text;
  for (const prometheus::MetricFamily& family : families) {
    const bool is_counter = family.type == prometheus::MetricType::Counter;
    const std::string lines = prometheus::TextSerializer().Serialize({family});
    for (const absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
      if (absl::StartsWith(line, "# ")) {
        AppendComment(line, is_counter, text);
      } else {
        AppendSample(line, text);
      }
    }
  }
  return text + "# EOF\n";
}

}  // namespace eldr

#include "client/scrape/metrics_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace eldr::scrape {
namespace {

bool InName(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == ':';
}

absl::string_view TakeName(absl::string_view& text) {
  std::size_t size = 0;
  while (size < text.size() && InName(text[size])) ++size;
  const absl::string_view name = text.substr(0, size);
  text.remove_prefix(size);
  return name;
}

// What follows the opening quote, through the closing one. False if there is none.
bool TakeQuoted(absl::string_view& text, std::string& value) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return true;
    }
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      value.push_back(text[i] == 'n' ? '\n' : text[i]);
    } else {
      value.push_back(text[i]);
    }
  }
  return false;
}

// What follows the opening brace, through the closing one.
bool TakeLabels(absl::string_view& text, MetricSample& sample) {
  for (;;) {
    text = absl::StripLeadingAsciiWhitespace(text);
    if (absl::ConsumePrefix(&text, "}")) return true;
    if (sample.labels.size() == kMaxLabels) return false;
    auto& [key, value] = sample.labels.emplace_back();
    key = TakeName(text);
    text = absl::StripLeadingAsciiWhitespace(text);
    if (key.empty() || !absl::ConsumePrefix(&text, "=")) return false;
    text = absl::StripLeadingAsciiWhitespace(text);
    if (!absl::ConsumePrefix(&text, "\"") || !TakeQuoted(text, value)) return false;
    text = absl::StripLeadingAsciiWhitespace(text);
    absl::ConsumePrefix(&text, ",");
  }
}

// The rest of a line after its name.
bool TakeRest(absl::string_view text, MetricSample& sample) {
  text = absl::StripLeadingAsciiWhitespace(text);
  if (absl::ConsumePrefix(&text, "{") && !TakeLabels(text, sample)) return false;
  text = absl::StripLeadingAsciiWhitespace(text);
  // What follows the value is a timestamp or an exemplar.
  return absl::SimpleAtod(text.substr(0, text.find_first_of(" \t\r")), &sample.value);
}

}  // namespace

absl::string_view MetricSample::label(absl::string_view key) const {
  for (const auto& [own, text] : labels) {
    if (own == key) return text;
  }
  return {};
}

std::size_t ForEachSample(absl::string_view page,
                          absl::FunctionRef<bool(absl::string_view name)> wanted,
                          absl::FunctionRef<void(const MetricSample&)> take) {
  std::size_t unreadable = 0;
  while (!page.empty()) {
    const std::size_t end = page.find('\n');
    absl::string_view line = page.substr(0, end);
    page.remove_prefix(end == absl::string_view::npos ? page.size() : end + 1);
    line = absl::StripLeadingAsciiWhitespace(line);
    MetricSample sample;
    sample.name = TakeName(line);
    if (sample.name.empty() || !wanted(sample.name)) continue;
    if (TakeRest(line, sample)) {
      take(sample);
    } else {
      ++unreadable;
    }
  }
  return unreadable;
}

}  // namespace eldr::scrape

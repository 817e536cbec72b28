#include "server/http/content_coding.h"

#include <zlib.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace eldr {
namespace {

// The quality of one element of a list; nothing if it is of another name or version.
std::optional<double> QualityOfElement(absl::string_view element, absl::string_view name,
                                       absl::string_view version) {
  const std::vector<absl::string_view> parts = absl::StrSplit(element, ';');
  if (!absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(parts[0]), name)) return std::nullopt;
  double quality = 1;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    absl::string_view parameter = absl::StripAsciiWhitespace(parts[i]);
    if (absl::ConsumePrefix(&parameter, "version=")) {
      if (!version.empty() && parameter != version) return std::nullopt;
    } else if (absl::ConsumePrefix(&parameter, "q=")) {
      // What is no number is no wish.
      if (!absl::SimpleAtod(parameter, &quality) || !(quality >= 0 && quality <= 1)) quality = 0;
    }
  }
  return quality;
}

}  // namespace

double QualityOf(absl::string_view accepted, absl::string_view name, absl::string_view version) {
  double most = 0;
  for (const absl::string_view element : absl::StrSplit(accepted, ',')) {
    most = std::max(most, QualityOfElement(element, name, version).value_or(0));
  }
  return most;
}

std::string Gzip(absl::string_view bytes) {
  constexpr int kGzipForm = 16;
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipForm + MAX_WBITS, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return "";
  }
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const bool whole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  packed.resize(whole ? stream.total_out : 0);
  deflateEnd(&stream);
  return packed;
}

}  // namespace eldr

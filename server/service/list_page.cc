#include "server/service/list_page.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/base/stable_hash.h"

namespace eldr {
namespace {

// Names have at most 256 bytes, of which a token holds a few.
constexpr std::size_t kMostPageTokenBytes = 4096;
constexpr std::size_t kPageTokenHashBytes = 8;

// `bytes` of a number, least first.
std::string PackNumber(std::uint64_t number, std::size_t bytes) {
  std::string packed;
  for (std::size_t i = 0; i < bytes; ++i) packed += static_cast<char>(number >> (8 * i) & 0xff);
  return packed;
}

absl::Status RefusePageToken(absl::string_view token) {
  return absl::InvalidArgumentError(absl::StrCat(
      "page_token: got \"", absl::CHexEscape(token.substr(0, 64)), token.size() > 64 ? "..." : "",
      "\", expected the next_page_token of the page before, of the same list"));
}

}  // namespace

std::string MakePageToken(absl::string_view list, const std::vector<std::string>& place) {
  std::string parts;
  for (const std::string& part : place) absl::StrAppend(&parts, PackNumber(part.size(), 2), part);
  // Tells a token of another list, and one that was cut, from a place.
  const std::uint64_t hash = StableHash(parts, StableHash(list));
  return absl::WebSafeBase64Escape(absl::StrCat(PackNumber(hash, kPageTokenHashBytes), parts));
}

absl::StatusOr<std::vector<std::string>> ParsePageToken(absl::string_view list,
                                                        absl::string_view token,
                                                        std::size_t parts) {
  std::string bytes;
  if (token.size() > kMostPageTokenBytes || !absl::WebSafeBase64Unescape(token, &bytes)) {
    return RefusePageToken(token);
  }
  std::vector<std::string> place;
  std::size_t at = kPageTokenHashBytes;
  while (at + 2 <= bytes.size() && place.size() < parts) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const std::size_t size = byte(at) | std::size_t{byte(at + 1)} << 8;
    if (size > bytes.size() - at - 2) return RefusePageToken(token);
    place.push_back(bytes.substr(at + 2, size));
    at += 2 + size;
  }
  // Made again it is the same, or it was not made here.
  if (place.size() != parts || MakePageToken(list, place) != token) return RefusePageToken(token);
  return place;
}

}  // namespace eldr

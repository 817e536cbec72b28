#include "server/config/utf8.h"

namespace eldr {
namespace {

struct Form {
  unsigned char mask, lead;  // of the first byte
  std::size_t bytes;
  std::uint32_t least;  // a smaller code has a shorter form
};
constexpr Form kForms[] = {
    {0x80, 0x00, 1, 0}, {0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};

}  // namespace

Utf8Character FirstUtf8Character(absl::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (const Form& form : kForms) {
    if ((byte(0) & form.mask) != form.lead) continue;
    if (text.size() < form.bytes) return {};
    std::uint32_t code = byte(0) & static_cast<unsigned char>(~form.mask);
    for (std::size_t i = 1; i < form.bytes; ++i) {
      if ((byte(i) & 0xc0) != 0x80) return {};
      code = code << 6 | (byte(i) & 0x3f);
    }
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if (code < form.least || code > 0x10ffff || surrogate) return {};
    return {code, form.bytes};
  }
  return {};
}

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = FirstUtf8Character(text).bytes;
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

bool IsHiddenCharacter(std::uint32_t code) {
  if (code == '\t' || code == '\n' || code == '\r') return false;
  const bool control = code < 0x20 || (code >= 0x7f && code <= 0x9f);
  const bool line_break = code == 0x2028 || code == 0x2029;
  // Marks of direction, with which a line can be shown as another, and what has no width.
  const bool unseen = code == 0xad || (code >= 0x200b && code <= 0x200f) ||
                      (code >= 0x202a && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f);
  return control || line_break || unseen || code == 0xfeff;
}

}  // namespace eldr

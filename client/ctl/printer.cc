#include "client/ctl/printer.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace eldr::ctl {
namespace {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 0;  // 0: no UTF-8
};

// The code point at the start of `text`; as strict as UTF-8 is: shortest form, no surrogates.
CodePoint FirstCodePoint(absl::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return {byte(0), 1};
  const std::size_t bytes = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < bytes) return {};
  std::uint32_t value = byte(0) & (0xffu >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3fu);
  }
  constexpr std::array<std::uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kLeast[bytes] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return {};
  return {value, bytes};
}

struct CodePointRange {
  std::uint32_t first, last;
};

// Control characters, and what Unicode calls format characters and separators of lines.
constexpr CodePointRange kUnprintable[] = {{0x00, 0x1f},     {0x7f, 0x9f},      {0xad, 0xad},
                                           {0x61c, 0x61c},   {0x180e, 0x180e},  {0x200b, 0x200f},
                                           {0x2028, 0x202e}, {0x2060, 0x206f},  {0xfeff, 0xfeff},
                                           {0xfff9, 0xfffb}, {0xe0000, 0xe007f}};

bool IsPrintable(std::uint32_t code_point) {
  return std::none_of(std::begin(kUnprintable), std::end(kUnprintable),
                      [&](const CodePointRange& range) {
                        return code_point >= range.first && code_point <= range.last;
                      });
}

std::string Escape(std::uint32_t code_point) {
  if (code_point == '\n') return "\\n";
  if (code_point == '\r') return "\\r";
  if (code_point == '\t') return "\\t";
  if (code_point < 0x80) return absl::StrFormat("\\x%02x", code_point);
  if (code_point < 0x10000) return absl::StrFormat("\\u%04x", code_point);
  return absl::StrFormat("\\U%08x", code_point);
}

}  // namespace

std::string Printable(absl::string_view text) {
  std::string printable;
  printable.reserve(text.size());
  while (!text.empty()) {
    const CodePoint first = FirstCodePoint(text);
    const std::size_t bytes = std::max<std::size_t>(first.bytes, 1);
    if (first.bytes == 0) {
      printable += absl::StrFormat("\\x%02x", static_cast<unsigned char>(text[0]));
    } else if (IsPrintable(first.value)) {
      absl::StrAppend(&printable, text.substr(0, bytes));
    } else {
      printable += Escape(first.value);
    }
    text.remove_prefix(bytes);
  }
  return printable;
}

}  // namespace eldr::ctl

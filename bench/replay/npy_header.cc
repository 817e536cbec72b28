#include "bench/replay/npy_header.h"

#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace eldr::replay {
namespace {

constexpr absl::string_view kMagic("\x93NUMPY", 6);

// Reads the Python dictionary literal that NumPy writes: strings, True, False and tuples of
// non-negative integers, which is all the format allows.
class DictReader {
 public:
  explicit DictReader(absl::string_view text) : rest_(text) {}

  absl::Status ReadInto(NpyHeader& header) {
    bool has_descr = false, has_order = false, has_shape = false;
    ELDR_RETURN_IF_ERROR(Expect('{'));
    while (!Accept('}')) {
      ELDR_ASSIGN_OR_RETURN(const std::string key, ReadString());
      ELDR_RETURN_IF_ERROR(Expect(':'));
      bool* seen = key == "descr"           ? &has_descr
                   : key == "fortran_order" ? &has_order
                   : key == "shape"         ? &has_shape
                                            : nullptr;
      if (seen == nullptr || *seen) {
        return absl::InvalidArgumentError(
            absl::StrCat("header: key \"", absl::CHexEscape(key),
                         "\": expected descr, fortran_order and shape once each"));
      }
      *seen = true;
      if (seen == &has_descr) {
        ELDR_ASSIGN_OR_RETURN(header.descr, ReadString());
      } else if (seen == &has_order) {
        ELDR_ASSIGN_OR_RETURN(header.fortran_order, ReadBool());
      } else {
        ELDR_ASSIGN_OR_RETURN(header.shape, ReadShape());
      }
      if (Accept(',')) continue;
      ELDR_RETURN_IF_ERROR(Expect('}'));
      break;
    }
    SkipSpace();
    if (!rest_.empty()) return Unexpected("nothing after the dictionary");
    if (!has_descr || !has_order || !has_shape) {
      return absl::InvalidArgumentError("header: expected the keys descr, fortran_order and shape");
    }
    return absl::OkStatus();
  }

 private:
  void SkipSpace() { rest_ = absl::StripLeadingAsciiWhitespace(rest_); }

  absl::Status Unexpected(absl::string_view expected) const {
    return absl::InvalidArgumentError(absl::StrCat(
        "header: \"", absl::CHexEscape(rest_.substr(0, 16)), "\": expected ", expected));
  }

  bool Accept(char c) {
    SkipSpace();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  absl::Status Expect(char c) {
    if (Accept(c)) return absl::OkStatus();
    return Unexpected(absl::StrCat("'", absl::string_view(&c, 1), "'"));
  }

  absl::StatusOr<std::string> ReadString() {
    SkipSpace();
    if (rest_.empty() || (rest_.front() != '\'' && rest_.front() != '"')) {
      return Unexpected("a string");
    }
    const std::size_t end = rest_.find(rest_.front(), 1);
    if (end == absl::string_view::npos) return Unexpected("the end of a string");
    std::string value(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return value;
  }

  absl::StatusOr<bool> ReadBool() {
    SkipSpace();
    for (const bool value : {true, false}) {
      const absl::string_view word = value ? "True" : "False";
      if (rest_.substr(0, word.size()) != word) continue;
      rest_.remove_prefix(word.size());
      return value;
    }
    return Unexpected("True or False");
  }

  absl::StatusOr<std::uint64_t> ReadInteger() {
    constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
    SkipSpace();
    if (rest_.empty() || !absl::ascii_isdigit(static_cast<unsigned char>(rest_.front()))) {
      return Unexpected("a number");
    }
    std::uint64_t value = 0;
    while (!rest_.empty() && absl::ascii_isdigit(static_cast<unsigned char>(rest_.front()))) {
      const auto digit = static_cast<std::uint64_t>(rest_.front() - '0');
      if (value > (kMax - digit) / 10) return Unexpected("a number of 64 bits");
      value = value * 10 + digit;
      rest_.remove_prefix(1);
    }
    return value;
  }

  absl::StatusOr<std::vector<std::uint64_t>> ReadShape() {
    std::vector<std::uint64_t> shape;
    ELDR_RETURN_IF_ERROR(Expect('('));
    while (!Accept(')')) {
      ELDR_ASSIGN_OR_RETURN(const std::uint64_t size, ReadInteger());
      shape.push_back(size);
      if (Accept(',')) continue;
      ELDR_RETURN_IF_ERROR(Expect(')'));
      break;
    }
    return shape;
  }

  absl::string_view rest_;
};

std::size_t LittleEndian(absl::string_view bytes) {
  std::size_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

}  // namespace

absl::StatusOr<NpyHeader> ParseNpyHeader(absl::string_view bytes) {
  if (bytes.substr(0, kMagic.size()) != kMagic) {
    return absl::InvalidArgumentError(absl::StrCat("magic \"",
                                                   absl::CHexEscape(bytes.substr(0, kMagic.size())),
                                                   "\": expected \"\\x93NUMPY\""));
  }
  // Magic, major and minor version, then the header's length: 2 bytes in version 1, else 4.
  const std::size_t version_end = kMagic.size() + 2;
  if (bytes.size() < version_end) return absl::InvalidArgumentError("the file ends in its version");
  const int major = static_cast<unsigned char>(bytes[kMagic.size()]);
  const int minor = static_cast<unsigned char>(bytes[kMagic.size() + 1]);
  if (major < 1 || major > 3 || minor != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("version ", major, ".", minor, ": expected 1.0, 2.0 or 3.0"));
  }
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  const std::size_t header_start = version_end + length_bytes;
  if (bytes.size() < header_start) {
    return absl::InvalidArgumentError("the file ends in the length of its header");
  }
  const std::size_t length = LittleEndian(bytes.substr(version_end, length_bytes));
  if (length > bytes.size() - header_start) {
    return absl::InvalidArgumentError(absl::StrCat("header of ", length, " bytes: only ",
                                                   bytes.size() - header_start, " bytes follow"));
  }
  NpyHeader header;
  header.data_offset = header_start + length;
  ELDR_RETURN_IF_ERROR(DictReader(bytes.substr(header_start, length)).ReadInto(header));
  return header;
}

}  // namespace eldr::replay

#include "client/engines/npy_header.h"

#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace eldr::engines {
namespace {

constexpr absl::string_view kMagic("\x93NUMPY", 6);
// As many as NumPy allows.
constexpr std::size_t kMaxDimensions = 32;

// Reads the Python dictionary literal that NumPy writes: strings, True, False and tuples of
// non-negative integers, which is all the format allows.
class DictReader {
 public:
  explicit DictReader(absl::string_view text) : rest_(text) {}

  absl::Status ReadInto(NpyHeader& header) {
    absl::Status status = Expect('{');
    while (status.ok() && !Accept('}')) {
      status = ReadEntry(header);
      if (!status.ok() || Accept(',')) continue;
      status = Expect('}');
      break;
    }
    if (!status.ok()) return status;
    SkipSpace();
    if (!rest_.empty()) return Unexpected("nothing after the dictionary");
    if (!has_descr_ || !has_order_ || !has_shape_) {
      return absl::InvalidArgumentError("header: expected the keys descr, fortran_order and shape");
    }
    return absl::OkStatus();
  }

 private:
  // One "key: value" of the dictionary.
  absl::Status ReadEntry(NpyHeader& header) {
    const absl::StatusOr<std::string> key = ReadString();
    if (!key.ok()) return key.status();
    absl::Status colon = Expect(':');
    if (!colon.ok()) return colon;
    bool* const seen = *key == "descr"           ? &has_descr_
                       : *key == "fortran_order" ? &has_order_
                       : *key == "shape"         ? &has_shape_
                                                 : nullptr;
    if (seen == nullptr || *seen) {
      return absl::InvalidArgumentError(
          absl::StrCat("header: key \"", absl::CHexEscape(key->substr(0, 64)),
                       "\": expected descr, fortran_order and shape once each"));
    }
    *seen = true;
    if (seen == &has_descr_) return Store(ReadString(), header.descr);
    if (seen == &has_order_) return Store(ReadBool(), header.fortran_order);
    return Store(ReadShape(), header.shape);
  }

  template <typename T>
  static absl::Status Store(absl::StatusOr<T> value, T& field) {
    if (!value.ok()) return value.status();
    field = *std::move(value);
    return absl::OkStatus();
  }

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
    absl::Status status = Expect('(');
    while (status.ok() && !Accept(')')) {
      const absl::StatusOr<std::uint64_t> size = ReadInteger();
      if (!size.ok()) return size.status();
      if (shape.size() == kMaxDimensions) {
        return Unexpected(absl::StrCat("at most ", kMaxDimensions, " dimensions"));
      }
      shape.push_back(*size);
      if (Accept(',')) continue;
      status = Expect(')');
      break;
    }
    if (!status.ok()) return status;
    return shape;
  }

  absl::string_view rest_;
  bool has_descr_ = false;
  bool has_order_ = false;
  bool has_shape_ = false;
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
  if (bytes.size() < version_end) {
    return absl::InvalidArgumentError(
        absl::StrCat("got ", bytes.size(), " bytes, expected a version after the magic"));
  }
  const int major = static_cast<unsigned char>(bytes[kMagic.size()]);
  const int minor = static_cast<unsigned char>(bytes[kMagic.size() + 1]);
  if (major < 1 || major > 3 || minor != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("version ", major, ".", minor, ": expected 1.0, 2.0 or 3.0"));
  }
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  const std::size_t header_start = version_end + length_bytes;
  if (bytes.size() < header_start) {
    return absl::InvalidArgumentError(absl::StrCat("got ", bytes.size(), " bytes, expected ",
                                                   length_bytes,
                                                   " with the header's length after the version"));
  }
  const std::size_t length = LittleEndian(bytes.substr(version_end, length_bytes));
  if (length > bytes.size() - header_start) {
    return absl::InvalidArgumentError(absl::StrCat("header of ", length, " bytes: got ",
                                                   bytes.size() - header_start,
                                                   " bytes after its length, expected all of it"));
  }
  NpyHeader header;
  header.data_offset = header_start + length;
  absl::Status read = DictReader(bytes.substr(header_start, length)).ReadInto(header);
  if (!read.ok()) return read;
  return header;
}

}  // namespace eldr::engines

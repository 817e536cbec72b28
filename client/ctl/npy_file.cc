#include "client/ctl/npy_file.h"

#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace eldr::ctl {
namespace {

constexpr absl::string_view kMagic("\x93NUMPY", 6);
// Real headers are of some hundred bytes.
constexpr uint32_t kMaxHeaderBytes = 64 << 10;
// A token's ids; the largest geometry has 1,024 layers with all of 4,096 experts.
constexpr uint64_t kMaxIdsPerToken = uint64_t{1} << 22;

absl::Status Bad(absl::string_view what) { return absl::InvalidArgumentError(what); }

// What follows "'key':" in the header, or nothing.
absl::string_view ValueOf(absl::string_view text, absl::string_view key) {
  const std::string quoted = absl::StrCat("'", key, "':");
  const std::size_t at = text.find(quoted);
  if (at == absl::string_view::npos) return absl::string_view();
  return absl::StripLeadingAsciiWhitespace(text.substr(at + quoted.size()));
}

// What stands between `open` at the start of `text` and the next `close`, or nothing.
absl::string_view Between(absl::string_view text, char open, char close) {
  if (text.empty() || text[0] != open) return absl::string_view();
  const std::size_t end = text.find(close, 1);
  return end == absl::string_view::npos ? absl::string_view() : text.substr(1, end - 1);
}

// Little-endian, whatever the machine is.
uint32_t Load(const char* bytes, uint32_t width) {
  uint32_t value = 0;
  for (uint32_t i = 0; i < width; ++i) {
    value |= uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return value;
}

}  // namespace

absl::StatusOr<NpyHeader> ParseNpyHeader(absl::string_view text) {
  NpyHeader header;
  const absl::string_view type = Between(ValueOf(text, "descr"), '\'', '\'');
  if (type == "|u1" || type == "<u1") {
    header.width = 1;
  } else if (type == "<u2") {
    header.width = 2;
  } else if (type == "<i4") {
    header.width = 4;
  } else {
    return Bad(absl::StrCat("descr is \"", type, "\", expected |u1, <u2 or <i4"));
  }
  if (!absl::StartsWith(ValueOf(text, "fortran_order"), "False")) {
    return Bad("fortran_order is not False; expected an array in C order");
  }
  const absl::string_view shape = Between(ValueOf(text, "shape"), '(', ')');
  const std::vector<absl::string_view> axes = absl::StrSplit(shape, ',');
  if (axes.size() != 3 || !absl::SimpleAtoi(axes[0], &header.tokens) ||
      !absl::SimpleAtoi(axes[1], &header.layers) || !absl::SimpleAtoi(axes[2], &header.top_k) ||
      header.layers == 0 || header.top_k == 0) {
    return Bad(absl::StrCat("shape is (", shape, "), expected (tokens, layers, top_k)"));
  }
  const uint64_t ids = uint64_t{header.layers} * header.top_k;
  if (ids > kMaxIdsPerToken || header.tokens > std::numeric_limits<uint32_t>::max()) {
    return Bad(absl::StrCat("shape is (", shape, "), more than any model or prompt has"));
  }
  return header;
}

absl::StatusOr<NpyFile> NpyFile::Open(const std::string& path) {
  const auto refuse = [&path](absl::string_view what) {
    return Bad(absl::StrCat("file \"", path, "\": ", what));
  };
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return absl::NotFoundError(absl::StrCat("file \"", path, "\" cannot be opened"));
  const std::streamoff size = file.tellg();
  file.seekg(0);
  char start[8];
  if (!file.read(start, sizeof start) || absl::string_view(start, 6) != kMagic) {
    return refuse("it does not start as a .npy file does");
  }
  // Version 1 has two bytes of header length, later ones four.
  const uint32_t length_width = start[6] == 1 ? 2 : 4;
  char length_bytes[4];
  if (!file.read(length_bytes, length_width)) return refuse("it ends within its header");
  const uint32_t length = Load(length_bytes, length_width);
  if (length > kMaxHeaderBytes) {
    return refuse(
        absl::StrCat("its header has ", length, " bytes, expected at most ", kMaxHeaderBytes));
  }
  std::string text(length, '\0');
  if (!file.read(text.data(), length)) return refuse("it ends within its header");
  absl::StatusOr<NpyHeader> header = ParseNpyHeader(text);
  if (!header.ok()) return refuse(header.status().message());
  const uint64_t offset = sizeof start + length_width + length;
  // At most 2^32 * 2^22 * 4: no overflow.
  const uint64_t expected =
      offset + header->tokens * header->layers * header->top_k * header->width;
  if (static_cast<uint64_t>(size) != expected) {
    return refuse(absl::StrCat("it has ", size, " bytes, expected ", expected, " by its header"));
  }
  return NpyFile(path, std::move(file), *header, offset);
}

NpyFile::NpyFile(std::string path, std::ifstream file, NpyHeader header, uint64_t data_offset)
    : path_(std::move(path)), file_(std::move(file)), header_(header), data_offset_(data_offset) {}

absl::StatusOr<std::vector<int32_t>> NpyFile::ReadTokens(uint64_t begin, uint64_t end) {
  if (begin >= end || end > header_.tokens) {
    return Bad(absl::StrCat("file \"", path_, "\": rows ", begin, ":", end,
                            ", expected A < B within its ", header_.tokens, " tokens"));
  }
  const uint64_t token_ids = uint64_t{header_.layers} * header_.top_k;
  const uint64_t ids = (end - begin) * token_ids;
  std::string bytes(ids * header_.width, '\0');
  file_.seekg(static_cast<std::streamoff>(data_offset_ + begin * token_ids * header_.width));
  if (!file_.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
    return Bad(absl::StrCat("file \"", path_, "\" cannot be read"));
  }
  std::vector<int32_t> values(ids);
  for (uint64_t i = 0; i < ids; ++i) {
    values[i] = static_cast<int32_t>(Load(&bytes[i * header_.width], header_.width));
  }
  return values;
}

}  // namespace eldr::ctl

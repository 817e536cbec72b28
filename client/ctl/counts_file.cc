#include "client/ctl/counts_file.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iostream>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "eldr/client/signature_builder.h"

namespace eldr::ctl {
namespace {

using google::protobuf::Value;

constexpr std::size_t kMaxFileBytes = std::size_t{64} << 20;

absl::Status Bad(absl::string_view what) { return absl::InvalidArgumentError(what); }

absl::StatusOr<uint32_t> ToCount(const Value& value, absl::string_view field) {
  const double number = value.number_value();
  if (value.kind_case() == Value::kNumberValue && number >= 0 && number <= UINT32_MAX &&
      number == std::floor(number)) {
    return static_cast<uint32_t>(number);
  }
  return Bad(absl::StrCat(field, ": expected a whole number of 0 to ", UINT32_MAX));
}

// Appends the numbers of a list, or of a list of lists.
absl::Status Flatten(const Value& value, std::vector<uint32_t>& counts) {
  if (value.kind_case() != Value::kListValue) {
    return Bad("\"counts\": expected a list of numbers, or one of such lists");
  }
  for (const Value& element : value.list_value().values()) {
    if (element.kind_case() == Value::kListValue) {
      if (absl::Status status = Flatten(element, counts); !status.ok()) return status;
      continue;
    }
    const absl::StatusOr<uint32_t> count =
        ToCount(element, absl::StrCat("\"counts\", number ", counts.size()));
    if (!count.ok()) return count.status();
    counts.push_back(*count);
  }
  return absl::OkStatus();
}

// Null if the object has no such member.
const Value* Member(const Value& object, const std::string& name) {
  const auto& fields = object.struct_value().fields();
  const auto found = fields.find(name);
  return found == fields.end() ? nullptr : &found->second;
}

absl::StatusOr<v1::ExpertSignature> ParseProtoJson(absl::string_view json) {
  v1::ExpertSignature signature;
  const auto status = google::protobuf::util::JsonStringToMessage(std::string(json), &signature);
  if (status.ok()) return signature;
  return Bad(
      absl::StrCat("no signature in JSON, expected {\"tokens\": N, \"counts\": [...]} or an "
                   "ExpertSignature: ",
                   std::string(status.message())));
}

absl::Status TooLarge(const std::string& path) {
  return Bad(
      absl::StrCat("file \"", path, "\" is too large, expected at most ", kMaxFileBytes, " bytes"));
}

absl::StatusOr<std::string> ReadStandardInput() {
  std::string data;
  char block[64 << 10];
  while (std::cin.read(block, sizeof block) || std::cin.gcount() > 0) {
    data.append(block, static_cast<std::size_t>(std::cin.gcount()));
    if (data.size() > kMaxFileBytes) return TooLarge("-");
  }
  return data;
}

}  // namespace

absl::Status FileError(const std::string& path, absl::string_view act) {
  const int error = errno;
  return absl::NotFoundError(absl::StrCat("file \"", path, "\": cannot ", act, " it: ",
                                          error == 0 ? "unknown error" : std::strerror(error)));
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  if (path == "-") return ReadStandardInput();
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return FileError(path, "open");
  const std::streamoff size = file.tellg();
  if (size < 0) return FileError(path, "tell the size of");
  if (static_cast<std::size_t>(size) > kMaxFileBytes) return TooLarge(path);
  std::string data(static_cast<std::size_t>(size), '\0');
  file.seekg(0);
  if (!file.read(data.data(), size)) {
    return FileError(path, "read");
  }
  return data;
}

absl::StatusOr<v1::ExpertSignature> ParseCountsJson(absl::string_view json) {
  Value document;
  const auto status = google::protobuf::util::JsonStringToMessage(std::string(json), &document);
  if (!status.ok())
    return Bad(absl::StrCat("no JSON, expected an object: ", std::string(status.message())));
  const Value* const list = Member(document, "counts");
  if (list == nullptr) return ParseProtoJson(json);
  std::vector<uint32_t> counts;
  if (absl::Status flat = Flatten(*list, counts); !flat.ok()) return flat;
  v1::ExpertSignature signature = client::EncodeCounts(counts, 0);
  if (const Value* const value = Member(document, "tokens")) {
    const absl::StatusOr<uint32_t> tokens = ToCount(*value, "\"tokens\"");
    if (!tokens.ok()) return tokens.status();
    signature.set_tokens(*tokens);
  }
  if (const Value* const value = Member(document, "prompt_tokens")) {
    const absl::StatusOr<uint32_t> tokens = ToCount(*value, "\"prompt_tokens\"");
    if (!tokens.ok()) return tokens.status();
    signature.set_prompt_tokens(*tokens);
  }
  return signature;
}

absl::StatusOr<v1::ExpertSignature> ParseCountsCsv(absl::string_view csv) {
  std::vector<uint32_t> counts;
  std::size_t row_size = 0;
  std::size_t line_number = 0;
  for (absl::string_view line : absl::StrSplit(csv, '\n')) {
    ++line_number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    const std::vector<absl::string_view> cells = absl::StrSplit(line, ',');
    if (row_size == 0) row_size = cells.size();
    if (cells.size() != row_size) {
      return Bad(absl::StrCat("CSV line ", line_number, " has ", cells.size(),
                              " numbers, expected ", row_size, " as in the first"));
    }
    for (const absl::string_view cell : cells) {
      uint32_t count = 0;
      if (!absl::SimpleAtoi(cell, &count)) {
        return Bad(absl::StrCat("CSV line ", line_number, ": \"", cell,
                                "\" is no count, expected a whole number"));
      }
      counts.push_back(count);
    }
  }
  if (counts.empty()) return Bad("the CSV holds no counts, expected a line per layer");
  return client::EncodeCounts(counts, 0);
}

absl::StatusOr<v1::ExpertSignature> ParseSparsePairs(const std::vector<std::string>& pairs) {
  v1::ExpertSignature signature;
  v1::SparseCounts& sparse = *signature.mutable_sparse();
  for (const std::string& pair : pairs) {
    const std::vector<absl::string_view> parts = absl::StrSplit(pair, ':');
    uint32_t index = 0;
    uint32_t count = 0;
    if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &index) ||
        !absl::SimpleAtoi(parts[1], &count)) {
      return Bad(absl::StrCat("--sparse: \"", pair, "\" is no pair, expected INDEX:COUNT"));
    }
    sparse.add_indices(index);
    sparse.add_counts(count);
  }
  return signature;
}

v1::ExpertSignature RawCounts(std::string data, absl::string_view encoding) {
  v1::ExpertSignature signature;
  v1::DenseCounts& dense = *signature.mutable_dense();
  dense.set_encoding(encoding == "uint8"    ? v1::COUNT_ENCODING_UINT8
                     : encoding == "uint16" ? v1::COUNT_ENCODING_UINT16
                                            : v1::COUNT_ENCODING_UINT32);
  dense.set_data(std::move(data));
  return signature;
}

}  // namespace eldr::ctl

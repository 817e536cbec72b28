#include "client/ctl/print.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "client/src/proto_duration.h"

namespace eldr::ctl {

namespace {

// How many characters a terminal shows of UTF-8, which counts all but the bytes that go on.
std::size_t Width(absl::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

}  // namespace

void Table::AddRow(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = cell.empty() ? "-" : Printable(cell);
  rows_.push_back(std::move(cells));
}

void Table::Print(Printer out) const {
  std::vector<std::size_t> widths(rows_[0].size(), 1);
  for (const std::vector<std::string>& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  for (const std::vector<std::string>& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out << row[i];
      // No blanks at the end of a line.
      if (i + 1 < row.size()) out << std::string(widths[i] - Width(row[i]) + 2, ' ');
    }
    out << "\n";
  }
}

void PrintFields(const std::vector<std::pair<std::string, std::string>>& fields, Printer out) {
  std::size_t width = 0;
  for (const auto& [name, value] : fields) width = std::max(width, name.size());
  for (const auto& [name, value] : fields) {
    out << name << std::string(width - name.size() + 2, ' ') << (value.empty() ? "-" : value)
        << "\n";
  }
}

absl::Status PrintJson(const google::protobuf::Message& message, Printer out) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) return absl::InternalError(status.ToString());
  // protobuf escapes what a terminal would take for a command.
  out.Verbatim(json).Flush();
  return absl::OkStatus();
}

void PrintError(const absl::Status& status, Printer err) {
  err << "error: " << absl::StatusCodeToString(status.code()) << ": " << status.message() << "\n";
}

std::string EnumText(absl::string_view name, absl::string_view prefix) {
  return absl::AsciiStrToLower(absl::StripPrefix(name, prefix));
}

std::string DurationText(const google::protobuf::Duration& duration) {
  const absl::Duration d = client::internal::FromProto(duration);
  if (d == absl::ZeroDuration()) return "0s";
  const absl::Duration size = absl::AbsDuration(d);
  if (size < absl::Milliseconds(1)) {
    return absl::StrFormat("%.4gus", absl::ToDoubleMicroseconds(d));
  }
  if (size < absl::Seconds(1)) return absl::StrFormat("%.4gms", absl::ToDoubleMilliseconds(d));
  if (size < absl::Minutes(1)) return absl::StrFormat("%.4gs", absl::ToDoubleSeconds(d));
  return absl::FormatDuration(absl::Trunc(d, absl::Seconds(1)));
}

std::string NumberText(double value, int decimals) {
  return absl::StrFormat("%.*f", decimals, value);
}

}  // namespace eldr::ctl

#include "client/ctl/print.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "client/src/proto_duration.h"

namespace eldr::ctl {

void Table::Print(std::ostream& out) const {
  std::vector<std::size_t> widths(rows_[0].size(), 1);
  for (const std::vector<std::string>& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const std::vector<std::string>& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string cell = row[i].empty() ? "-" : row[i];
      out << cell;
      // No blanks at the end of a line.
      if (i + 1 < row.size()) out << std::string(widths[i] - cell.size() + 2, ' ');
    }
    out << "\n";
  }
}

void PrintFields(const std::vector<std::pair<std::string, std::string>>& fields,
                 std::ostream& out) {
  std::size_t width = 0;
  for (const auto& [name, value] : fields) width = std::max(width, name.size());
  for (const auto& [name, value] : fields) {
    out << name << std::string(width - name.size() + 2, ' ') << (value.empty() ? "-" : value)
        << "\n";
  }
}

absl::Status PrintJson(const google::protobuf::Message& message, std::ostream& out) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) return absl::InternalError(status.ToString());
  out << json;
  return absl::OkStatus();
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

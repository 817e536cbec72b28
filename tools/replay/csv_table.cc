#include "tools/replay/csv_table.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/base/status_macros.h"

namespace eldr::replay {
namespace {

// Takes one field from the front of `rest`, up to the comma that ends it or the end of the line.
absl::StatusOr<std::string> TakeField(absl::string_view& rest) {
  if (!absl::ConsumePrefix(&rest, "\"")) {
    const absl::string_view field = rest.substr(0, rest.find(','));
    rest.remove_prefix(field.size());
    return std::string(field);
  }
  std::string field;
  while (true) {
    const std::size_t quote = rest.find('"');
    if (quote == absl::string_view::npos) {
      return absl::InvalidArgumentError("a quoted field does not end on its line");
    }
    absl::StrAppend(&field, rest.substr(0, quote));
    rest.remove_prefix(quote + 1);
    if (!absl::ConsumePrefix(&rest, "\"")) break;
    field.push_back('"');
  }
  if (!rest.empty() && rest.front() != ',') {
    return absl::InvalidArgumentError("expected a comma after a quoted field");
  }
  return field;
}

absl::StatusOr<std::vector<std::string>> SplitLine(absl::string_view line) {
  std::vector<std::string> fields;
  do {
    ELDR_ASSIGN_OR_RETURN(std::string field, TakeField(line));
    fields.push_back(std::move(field));
  } while (absl::ConsumePrefix(&line, ","));
  return fields;
}

}  // namespace

absl::StatusOr<CsvTable> CsvTable::Parse(absl::string_view text) {
  CsvTable table;
  std::size_t line_number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++line_number;
    line = absl::StripSuffix(line, "\r");
    if (line.empty()) continue;
    absl::StatusOr<std::vector<std::string>> fields = SplitLine(line);
    if (!fields.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", line_number, ": ", fields.status().message()));
    }
    if (table.columns_.empty()) {
      for (auto field = fields->begin(); field != fields->end(); ++field) {
        if (std::find(fields->begin(), field, *field) == field) continue;
        return absl::InvalidArgumentError(
            absl::StrCat("line ", line_number, ": column \"", *field, "\" stands there twice"));
      }
      table.columns_ = *std::move(fields);
      continue;
    }
    if (fields->size() != table.columns_.size()) {
      return absl::InvalidArgumentError(absl::StrCat("line ", line_number, ": ", fields->size(),
                                                     " fields: expected ", table.columns_.size(),
                                                     ", as in the header"));
    }
    table.rows_.push_back({line_number, *std::move(fields)});
  }
  if (table.columns_.empty()) return absl::InvalidArgumentError("expected a header line");
  return table;
}

std::optional<std::size_t> CsvTable::FindColumn(absl::string_view name) const {
  const auto found = std::find(columns_.begin(), columns_.end(), name);
  if (found == columns_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - columns_.begin());
}

absl::StatusOr<std::size_t> CsvTable::RequireColumn(absl::string_view name) const {
  const std::optional<std::size_t> column = FindColumn(name);
  if (column.has_value()) return *column;
  return absl::InvalidArgumentError(absl::StrCat("header: expected a column \"", name, "\""));
}

absl::StatusOr<std::uint64_t> CsvTable::Integer(std::size_t row, std::size_t column) const {
  const std::string& field = Field(row, column);
  std::uint64_t value = 0;
  const bool digits_only =
      !field.empty() && std::all_of(field.begin(), field.end(),
                                    [](unsigned char c) { return absl::ascii_isdigit(c); });
  if (!digits_only || !absl::SimpleAtoi(field, &value)) {
    return absl::InvalidArgumentError(absl::StrCat("line ", LineOf(row), ": ", columns_[column],
                                                   " \"", field,
                                                   "\": expected a non-negative integer"));
  }
  return value;
}

}  // namespace eldr::replay

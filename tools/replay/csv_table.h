// Comma-separated values with a header line.
#ifndef ELDR_TOOLS_REPLAY_CSV_TABLE_H_
#define ELDR_TOOLS_REPLAY_CSV_TABLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace eldr::replay {

// One record per line. A field may stand in double quotes, and a quote inside it is doubled; a
// field does not span lines. Empty lines are skipped.
class CsvTable {
 public:
  // INVALID_ARGUMENT, naming the line, if there is no header, a column twice, a record with another
  // number of fields than the header, or a quote that does not end.
  static absl::StatusOr<CsvTable> Parse(absl::string_view text);

  std::size_t rows() const { return rows_.size(); }
  // Where a row stood in the text, from 1.
  std::size_t LineOf(std::size_t row) const { return rows_[row].line; }
  std::optional<std::size_t> FindColumn(absl::string_view name) const;
  // INVALID_ARGUMENT, naming the column, if there is none.
  absl::StatusOr<std::size_t> RequireColumn(absl::string_view name) const;

  const std::string& Field(std::size_t row, std::size_t column) const {
    return rows_[row].fields[column];
  }
  // INVALID_ARGUMENT, naming line, column and value, if it is not a non-negative integer.
  absl::StatusOr<std::uint64_t> Integer(std::size_t row, std::size_t column) const;

 private:
  struct Row {
    std::size_t line = 0;
    std::vector<std::string> fields;
  };

  std::vector<std::string> columns_;
  std::vector<Row> rows_;
};

}  // namespace eldr::replay

#endif  // ELDR_TOOLS_REPLAY_CSV_TABLE_H_

// Answers as text: tables, fields, and protobuf's JSON.
#ifndef ELDR_CLIENT_CTL_PRINT_H_
#define ELDR_CLIENT_CTL_PRINT_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/message.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/ctl/printer.h"

namespace eldr::ctl {

// Rows under a header, in columns as wide as they need. Cells may hold anything.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  // REQUIRES: as many cells as the header has. An empty cell is printed as "-".
  void AddRow(std::vector<std::string> cells);
  void Print(Printer out) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// One "name  value" line each, values aligned.
void PrintFields(const std::vector<std::pair<std::string, std::string>>& fields, Printer out);

// The message as JSON with every field, names as in the .proto.
absl::Status PrintJson(const google::protobuf::Message& message, Printer out);

// "NODE_STATE_READY" without "NODE_STATE_", as "ready".
std::string EnumText(absl::string_view name, absl::string_view prefix);

// "error: NOT_FOUND: ...", a line.
void PrintError(const absl::Status& status, Printer err);

// In the unit that fits, e.g. "12.34ms".
std::string DurationText(const google::protobuf::Duration& duration);

// With `decimals` places.
std::string NumberText(double value, int decimals);

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_PRINT_H_

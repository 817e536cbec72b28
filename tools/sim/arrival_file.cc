#include "tools/sim/arrival_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/base/status_macros.h"
#include "tools/replay/csv_table.h"
#include "tools/replay/file_contents.h"

namespace eldr::sim {
namespace {

constexpr std::uint64_t kMostTokens = 10'000'000;

absl::Status CheckTokens(std::size_t line, absl::string_view field, std::uint64_t value) {
  if (value <= kMostTokens) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("line ", line, ": ", field, " ", value, ": expected at most ", kMostTokens));
}

// Sorted and counted from the first.
absl::StatusOr<std::vector<RecordedArrival>> Finish(std::vector<RecordedArrival> arrivals) {
  std::stable_sort(
      arrivals.begin(), arrivals.end(),
      [](const RecordedArrival& a, const RecordedArrival& b) { return a.time < b.time; });
  if (arrivals.size() < 2 || arrivals.front().time == arrivals.back().time) {
    return absl::InvalidArgumentError(absl::StrCat(
        arrivals.size(), " arrivals: expected at least two, and not all at the same time"));
  }
  const absl::Duration first = arrivals.front().time;
  for (RecordedArrival& arrival : arrivals) arrival.time -= first;
  return arrivals;
}

absl::StatusOr<std::uint64_t> Number(const nlohmann::json& object, const char* key,
                                     std::size_t line) {
  const auto found = object.find(key);
  if (found != object.end() && found->is_number_unsigned()) return found->get<std::uint64_t>();
  return absl::InvalidArgumentError(
      absl::StrCat("line ", line, ": ", key, ": expected a whole number of at least 0"));
}

}  // namespace

absl::StatusOr<std::vector<RecordedArrival>> ParseMooncakeArrivals(absl::string_view text) {
  std::vector<RecordedArrival> arrivals;
  std::size_t line = 0;
  for (const absl::string_view record : absl::StrSplit(text, '\n')) {
    ++line;
    if (record.find_first_not_of(" \t\r") == absl::string_view::npos) continue;
    const nlohmann::json object =
        nlohmann::json::parse(record.begin(), record.end(), nullptr, /*allow_exceptions=*/false);
    if (!object.is_object()) {
      return absl::InvalidArgumentError(absl::StrCat("line ", line, ": expected a JSON object"));
    }
    ELDR_ASSIGN_OR_RETURN(const std::uint64_t time, Number(object, "timestamp", line));
    ELDR_ASSIGN_OR_RETURN(const std::uint64_t prompt, Number(object, "input_length", line));
    ELDR_ASSIGN_OR_RETURN(const std::uint64_t output, Number(object, "output_length", line));
    ELDR_RETURN_IF_ERROR(CheckTokens(line, "input_length", prompt));
    ELDR_RETURN_IF_ERROR(CheckTokens(line, "output_length", output));
    arrivals.push_back({absl::Milliseconds(time), prompt, static_cast<std::uint32_t>(output)});
  }
  return Finish(std::move(arrivals));
}

absl::StatusOr<std::vector<RecordedArrival>> ParseAzureArrivals(absl::string_view text) {
  ELDR_ASSIGN_OR_RETURN(const replay::CsvTable table, replay::CsvTable::Parse(text));
  ELDR_ASSIGN_OR_RETURN(const std::size_t time_column, table.RequireColumn("TIMESTAMP"));
  ELDR_ASSIGN_OR_RETURN(const std::size_t prompt_column, table.RequireColumn("ContextTokens"));
  ELDR_ASSIGN_OR_RETURN(const std::size_t output_column, table.RequireColumn("GeneratedTokens"));
  std::vector<RecordedArrival> arrivals;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    absl::Time time;
    std::string error;
    const std::string& stamp = table.Field(row, time_column);
    if (!absl::ParseTime("%Y-%m-%d %H:%M:%E*S", stamp, &time, &error)) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", table.LineOf(row), ": TIMESTAMP \"", stamp,
                       "\": expected a time as 2023-11-16 18:15:46.68"));
    }
    ELDR_ASSIGN_OR_RETURN(const std::uint64_t prompt, table.Integer(row, prompt_column));
    ELDR_ASSIGN_OR_RETURN(const std::uint64_t output, table.Integer(row, output_column));
    ELDR_RETURN_IF_ERROR(CheckTokens(table.LineOf(row), "ContextTokens", prompt));
    ELDR_RETURN_IF_ERROR(CheckTokens(table.LineOf(row), "GeneratedTokens", output));
    arrivals.push_back({time - absl::UnixEpoch(), prompt, static_cast<std::uint32_t>(output)});
  }
  return Finish(std::move(arrivals));
}

absl::StatusOr<std::vector<RecordedArrival>> ReadArrivals(const std::string& path) {
  const bool jsonl = absl::EndsWith(path, ".jsonl");
  if (!jsonl && !absl::EndsWith(path, ".csv")) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected a file named *.jsonl (Mooncake) or *.csv (Azure)"));
  }
  ELDR_ASSIGN_OR_RETURN(const std::string text, replay::ReadFile(path));
  auto arrivals = jsonl ? ParseMooncakeArrivals(text) : ParseAzureArrivals(text);
  if (!arrivals.ok()) return replay::Annotate(arrivals.status(), path);
  return arrivals;
}

}  // namespace eldr::sim

#include "tools/sim/event_file.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/record/record_stream.h"
#include "tools/replay/file_contents.h"

namespace eldr::sim {
namespace {

constexpr absl::string_view kMagic = "ELDREVT1";
constexpr absl::string_view kSuffix = ".eldrevt";

}  // namespace

absl::Status AppendEvents(absl::string_view bytes, std::vector<storage::v1::EventRecord>& events) {
  if (!absl::StartsWith(bytes, kMagic)) {
    return absl::InvalidArgumentError("is no event log of eldrd: it does not start with ELDREVT1");
  }
  bytes.remove_prefix(kMagic.size());
  return VisitRecords<storage::v1::EventRecord>(bytes, [&](storage::v1::EventRecord record) {
    events.push_back(std::move(record));
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<storage::v1::EventRecord>> ReadEvents(
    const std::vector<std::string>& paths) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
      if (absl::EndsWith(entry.path().string(), kSuffix)) files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<storage::v1::EventRecord> events;
  for (const std::string& file : files) {
    ELDR_ASSIGN_OR_RETURN(const std::string bytes, replay::ReadFile(file));
    if (absl::Status status = AppendEvents(bytes, events); !status.ok()) {
      return replay::Annotate(status, file);
    }
  }
  if (events.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("replay: found no event in ", files.size(), " logs"));
  }
  return events;
}

}  // namespace eldr::sim

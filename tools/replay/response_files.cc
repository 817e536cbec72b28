#include "tools/replay/response_files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "tools/replay/file_contents.h"

namespace eldr::replay {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<std::vector<fs::path>> ListFiles(const fs::path& path) {
  if (!fs::is_directory(path)) return std::vector<fs::path>{path};
  std::vector<fs::path> files;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
    const fs::path ending = entry.path().extension();
    if (ending == ".json" || ending == ".jsonl") files.push_back(entry.path());
  }
  if (error) {
    return absl::NotFoundError(absl::StrCat(path.string(), ": cannot list it: ", error.message()));
  }
  if (files.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path.string(), ": expected routed_experts.npy and requests.csv, or *.json ",
                     "and *.jsonl with the responses of an engine"));
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Adds the response that `body` is.
absl::Status AddBody(absl::string_view body, const engines::ResponseOptions& options,
                     RecordedResponse response, RecordedResponses& all) {
  ELDR_ASSIGN_OR_RETURN(const engines::EngineResponse parsed,
                        engines::ParseResponse(body, options));
  if (parsed.form == engines::EngineForm::kReferenceCounts) {
    return absl::InvalidArgumentError(
        absl::StrCat(engines::EngineFormName(parsed.form),
                     ": tells no ids, expected those of every token, decode included"));
  }
  const engines::RoutedExperts& routed = parsed.routed;
  engines::RoutedExperts& experts = all.experts;
  if (experts.tokens == 0) {
    experts.layers = routed.layers;
    experts.top_k = routed.top_k;
  }
  if (routed.layers != experts.layers || routed.top_k != experts.top_k) {
    return absl::InvalidArgumentError(absl::StrCat(routed.layers, " layers, top_k ", routed.top_k,
                                                   ", expected ", experts.layers, " and ",
                                                   experts.top_k, " as in the responses before"));
  }
  response.first_row = experts.tokens;
  response.rows = routed.tokens;
  response.prompt_tokens = parsed.prompt_tokens;
  experts.tokens += routed.tokens;
  experts.ids.insert(experts.ids.end(), routed.ids.begin(), routed.ids.end());
  all.responses.push_back(std::move(response));
  return absl::OkStatus();
}

absl::Status AddWholeFile(const fs::path& path, const engines::ResponseOptions& options,
                          RecordedResponses& all) {
  ELDR_ASSIGN_OR_RETURN(const std::string body, ReadFile(path.string()));
  RecordedResponse response;
  response.id = path.filename().string();
  response.domain = "responses";
  const absl::Status added = AddBody(body, options, std::move(response), all);
  return added.ok() ? added : Annotate(added, path.string());
}

// Line by line: a body takes megabytes, its ids a quarter of that.
absl::Status AddLines(const fs::path& path, const engines::ResponseOptions& options,
                      RecordedResponses& all) {
  std::ifstream file(path);
  if (!file) {
    return absl::NotFoundError(
        absl::StrCat(path.string(), ": cannot open it: ", std::strerror(errno)));
  }
  std::size_t line_number = 0;
  for (std::string line; std::getline(file, line);) {
    ++line_number;
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    RecordedResponse response;
    response.id = absl::StrCat(path.filename().string(), ":", line_number);
    response.domain = path.stem().string();
    const absl::Status added = AddBody(line, options, std::move(response), all);
    if (!added.ok()) return Annotate(added, absl::StrCat(path.string(), ": line ", line_number));
  }
  if (file.bad()) return absl::UnavailableError(absl::StrCat(path.string(), ": cannot read it"));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RecordedResponses> ReadResponses(const std::string& path,
                                                const engines::ResponseOptions& options) {
  ELDR_ASSIGN_OR_RETURN(const std::vector<fs::path> files, ListFiles(path));
  RecordedResponses all;
  for (const fs::path& file : files) {
    ELDR_RETURN_IF_ERROR(file.extension() == ".json" ? AddWholeFile(file, options, all)
                                                     : AddLines(file, options, all));
  }
  if (all.responses.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": holds no response, expected one"));
  }
  return all;
}

}  // namespace eldr::replay

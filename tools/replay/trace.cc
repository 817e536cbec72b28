#include "tools/replay/trace.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>
#include <system_error>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "client/engines/npy.h"
#include "core/base/status_macros.h"
#include "tools/replay/csv_table.h"
#include "tools/replay/file_contents.h"
#include "tools/replay/response_files.h"

namespace eldr::replay {
namespace {

// The least rows of decode that make a replay: with one, every token would be the same.
constexpr std::uint64_t kLeastDecodeRows = 2;

absl::StatusOr<ModelGeometry> GeometryOf(const RoutedExperts& experts,
                                         const TraceOptions& options) {
  constexpr std::size_t kMax = std::numeric_limits<std::uint32_t>::max();
  if (experts.layers > kMax || experts.top_k > kMax) {
    return absl::InvalidArgumentError(absl::StrCat("shape with ", experts.layers,
                                                   " layers and top_k ", experts.top_k,
                                                   ": expected less than 2^32 of each"));
  }
  const std::uint32_t highest = *std::max_element(experts.ids.begin(), experts.ids.end());
  ModelGeometry geometry;
  geometry.layers = static_cast<std::uint32_t>(experts.layers);
  geometry.top_k = static_cast<std::uint32_t>(experts.top_k);
  geometry.experts = options.experts != 0 ? options.experts : highest + 1;
  ELDR_RETURN_IF_ERROR(ValidateGeometry(geometry));
  return geometry;
}

template <typename Count>
std::string CountBytes(const RoutedExperts& experts, const ModelGeometry& geometry,
                       const TraceRequest& request) {
  std::vector<Count> counts(geometry.cells());
  for (std::size_t row = request.first_row; row < request.first_decode_row(); ++row) {
    const absl::Span<const std::uint16_t> ids = experts.Row(row);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      ++counts[i / geometry.top_k * geometry.experts + ids[i]];
    }
  }
  std::string bytes(counts.size() * sizeof(Count), '\0');
  std::memcpy(bytes.data(), counts.data(), bytes.size());
  return bytes;
}

void FillSignatures(const RoutedExperts& experts, Trace& trace) {
  std::uint32_t most = 0;
  for (const TraceRequest& request : trace.requests) most = std::max(most, request.signature_rows);
  trace.signature_width = most <= std::numeric_limits<std::uint8_t>::max()    ? CountWidth::k8
                          : most <= std::numeric_limits<std::uint16_t>::max() ? CountWidth::k16
                                                                              : CountWidth::k32;
  for (TraceRequest& request : trace.requests) {
    switch (trace.signature_width) {
      case CountWidth::k8:
        request.signature_counts = CountBytes<std::uint8_t>(experts, trace.geometry, request);
        break;
      case CountWidth::k16:
        request.signature_counts = CountBytes<std::uint16_t>(experts, trace.geometry, request);
        break;
      case CountWidth::k32:
        request.signature_counts = CountBytes<std::uint32_t>(experts, trace.geometry, request);
        break;
    }
  }
}

// Which column of requests.csv holds what.
struct Columns {
  std::size_t request = 0, domain = 0, category = 0, token_offset = 0, tokens = 0;
  std::optional<std::size_t> prefill_tokens;  // set if it tells the signature's rows
};

absl::StatusOr<Columns> FindColumns(const CsvTable& table, const TraceOptions& options) {
  Columns columns;
  ELDR_ASSIGN_OR_RETURN(columns.request, table.RequireColumn("request"));
  ELDR_ASSIGN_OR_RETURN(columns.domain, table.RequireColumn("domain"));
  ELDR_ASSIGN_OR_RETURN(columns.category, table.RequireColumn("category"));
  ELDR_ASSIGN_OR_RETURN(columns.token_offset, table.RequireColumn("token_offset"));
  ELDR_ASSIGN_OR_RETURN(columns.tokens, table.RequireColumn("tokens"));
  if (options.signature_tokens == 0) {
    ELDR_ASSIGN_OR_RETURN(columns.prefill_tokens, table.RequireColumn("prefill_tokens"));
  }
  return columns;
}

// Whether so many tokens, the first of them a signature, make a request that can be replayed. One
// without a signature, or with one too long to push, cannot be replayed either.
bool IsLongEnough(std::uint64_t signature_rows, std::uint64_t tokens) {
  return signature_rows >= 1 && signature_rows <= ExpertSignature::kMaxTokens &&
         tokens >= signature_rows + kLeastDecodeRows &&
         tokens <= std::numeric_limits<std::uint32_t>::max();
}

// Adds the request of one record to the trace, or counts it as left out.
absl::Status AddRequest(const CsvTable& table, std::size_t row, const Columns& columns,
                        const TraceOptions& options, std::size_t trace_rows, Trace& trace) {
  ELDR_ASSIGN_OR_RETURN(const std::uint64_t offset, table.Integer(row, columns.token_offset));
  ELDR_ASSIGN_OR_RETURN(const std::uint64_t tokens, table.Integer(row, columns.tokens));
  std::uint64_t signature_rows = options.signature_tokens;
  if (columns.prefill_tokens.has_value()) {
    ELDR_ASSIGN_OR_RETURN(signature_rows, table.Integer(row, *columns.prefill_tokens));
  }
  if (offset > trace_rows || tokens > trace_rows - offset) {
    return absl::InvalidArgumentError(absl::StrCat("line ", table.LineOf(row), ": token_offset ",
                                                   offset, " and tokens ", tokens,
                                                   ": the trace has ", trace_rows, " rows"));
  }
  if (!IsLongEnough(signature_rows, tokens)) {
    ++trace.left_out;
    return absl::OkStatus();
  }
  TraceRequest request;
  request.id = table.Field(row, columns.request);
  request.domain = table.Field(row, columns.domain);
  request.category = table.Field(row, columns.category);
  request.first_row = offset;
  request.signature_rows = static_cast<std::uint32_t>(signature_rows);
  request.decode_rows = static_cast<std::uint32_t>(tokens - signature_rows);
  trace.requests.push_back(std::move(request));
  return absl::OkStatus();
}

absl::Status CheckNotEmpty(const Trace& trace, std::size_t requests) {
  if (!trace.requests.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("none of ", requests,
                                                 " requests has its signature's tokens and ",
                                                 kLeastDecodeRows, " more"));
}

absl::Status AddRequests(const CsvTable& table, const TraceOptions& options, std::size_t trace_rows,
                         Trace& trace) {
  ELDR_ASSIGN_OR_RETURN(const Columns columns, FindColumns(table, options));
  absl::flat_hash_set<absl::string_view> ids;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string& id = table.Field(row, columns.request);
    if (id.empty() || !ids.insert(id).second) {
      return absl::InvalidArgumentError(absl::StrCat("line ", table.LineOf(row), ": request \"", id,
                                                     "\": expected an id that is not taken"));
    }
    ELDR_RETURN_IF_ERROR(AddRequest(table, row, columns, options, trace_rows, trace));
  }
  return CheckNotEmpty(trace, table.rows());
}

// Sets the geometry and the rows, which are all tokens of the trace.
absl::Status FillRows(const RoutedExperts& experts, const TraceOptions& options, Trace& trace) {
  ELDR_ASSIGN_OR_RETURN(trace.geometry, GeometryOf(experts, options));
  ELDR_ASSIGN_OR_RETURN(trace.rows, ExpertRows::Create(experts, trace.geometry));
  return absl::OkStatus();
}

absl::StatusOr<Trace> LoadFolder(const std::string& folder, const TraceOptions& options) {
  const std::string npy_path = absl::StrCat(folder, "/routed_experts.npy");
  const std::string csv_path = absl::StrCat(folder, "/requests.csv");
  ELDR_ASSIGN_OR_RETURN(const RoutedExperts experts, ReadNpy(npy_path, options.experts));
  Trace trace;
  if (absl::Status status = FillRows(experts, options, trace); !status.ok()) {
    return Annotate(status, npy_path);
  }
  ELDR_ASSIGN_OR_RETURN(const std::string csv, ReadFile(csv_path));
  absl::StatusOr<CsvTable> table = CsvTable::Parse(csv);
  if (!table.ok()) return Annotate(table.status(), csv_path);
  if (absl::Status status = AddRequests(*table, options, experts.tokens, trace); !status.ok()) {
    return Annotate(status, csv_path);
  }
  FillSignatures(experts, trace);
  return trace;
}

// Adds the request that a response is, or counts it as left out.
absl::Status AddResponse(const RecordedResponse& response, const TraceOptions& options,
                         Trace& trace) {
  if (options.signature_tokens == 0 && !response.prompt_tokens.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(response.id,
                     ": does not tell prompt_tokens, expected it for signatures of "
                     "the whole prompt (signature tokens 0)"));
  }
  const std::uint32_t signature_rows =
      options.signature_tokens != 0 ? options.signature_tokens : *response.prompt_tokens;
  if (!IsLongEnough(signature_rows, response.rows)) {
    ++trace.left_out;
    return absl::OkStatus();
  }
  TraceRequest request;
  request.id = response.id;
  request.domain = response.domain;
  request.first_row = response.first_row;
  request.signature_rows = signature_rows;
  request.decode_rows = static_cast<std::uint32_t>(response.rows - signature_rows);
  trace.requests.push_back(std::move(request));
  return absl::OkStatus();
}

absl::StatusOr<Trace> LoadResponses(const std::string& path, const TraceOptions& options) {
  engines::ResponseOptions response_options = options.response;
  response_options.geometry.experts = options.experts;
  ELDR_ASSIGN_OR_RETURN(const RecordedResponses recorded, ReadResponses(path, response_options));
  Trace trace;
  if (absl::Status status = FillRows(recorded.experts, options, trace); !status.ok()) {
    return Annotate(status, path);
  }
  for (const RecordedResponse& response : recorded.responses) {
    ELDR_RETURN_IF_ERROR(AddResponse(response, options, trace));
  }
  if (absl::Status status = CheckNotEmpty(trace, recorded.responses.size()); !status.ok()) {
    return Annotate(status, path);
  }
  FillSignatures(recorded.experts, trace);
  return trace;
}

}  // namespace

absl::StatusOr<engines::RoutedExperts> ReadNpy(const std::string& path, std::uint32_t experts) {
  ELDR_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  engines::Geometry geometry;
  geometry.experts = experts;
  absl::StatusOr<engines::RoutedExperts> routed = engines::ParseNpy(bytes, geometry);
  if (!routed.ok()) return Annotate(routed.status(), path);
  return routed;
}

SignatureData Trace::Signature(const TraceRequest& request) const {
  SignatureData data;
  data.tokens = request.signature_rows;
  data.counts = SignatureData::Dense{signature_width, request.signature_counts};
  return data;
}

std::string Trace::DecodeCounts(const TraceRequest& request, std::uint32_t first,
                                std::uint32_t tokens) const {
  std::vector<std::uint32_t> counts(geometry.cells());
  const std::uint32_t every_row = tokens / request.decode_rows;
  const std::uint32_t once_more = tokens % request.decode_rows;
  for (std::uint32_t i = 0; i < request.decode_rows; ++i) {
    const std::uint32_t times = every_row + (i < once_more ? 1 : 0);
    if (times == 0) break;
    const std::size_t row = request.first_decode_row() + (first + i) % request.decode_rows;
    const absl::Span<const std::uint64_t> words = rows.Row(row);
    for (std::size_t word = 0; word < words.size(); ++word) {
      for (std::uint64_t bits = words[word]; bits != 0; bits &= bits - 1) {
        counts[word * 64 + static_cast<std::size_t>(std::countr_zero(bits))] += times;
      }
    }
  }
  std::string bytes(counts.size() * sizeof(std::uint32_t), '\0');
  std::memcpy(bytes.data(), counts.data(), bytes.size());
  return bytes;
}

absl::StatusOr<Trace> LoadTrace(const std::string& path, const TraceOptions& options) {
  std::error_code ignored;
  const bool is_responses = std::filesystem::exists(path, ignored) &&
                            !std::filesystem::exists(path + "/routed_experts.npy", ignored);
  return is_responses ? LoadResponses(path, options) : LoadFolder(path, options);
}

}  // namespace eldr::replay

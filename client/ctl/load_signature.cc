// Reads what a SignatureSource names.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/ctl/counts_file.h"
#include "client/ctl/npy_rows.h"
#include "client/ctl/row_range.h"
#include "client/ctl/signature_source.h"
#include "client/engines/response_body.h"
#include "eldr/client/signature_builder.h"

namespace eldr::ctl {
namespace {

absl::Status Annotate(const absl::Status& status, const std::string& path) {
  return absl::Status(status.code(), absl::StrCat("file \"", path, "\": ", status.message()));
}

// The geometry by which the daemon will judge the counts.
absl::StatusOr<engines::Geometry> GeometryOf(const std::string& model, client::Client& client) {
  v1::DescribeModelRequest request;
  request.set_name(model);
  const auto described = client.DescribeModel(request);
  if (!described.ok()) return described.status();
  const v1::ModelGeometry& told = described->model().geometry();
  engines::Geometry geometry;
  geometry.layers = told.layers();
  geometry.experts = told.experts();
  geometry.top_k = told.top_k();
  geometry.moe_hidden_layers.assign(told.moe_hidden_layers().begin(),
                                    told.moe_hidden_layers().end());
  return geometry;
}

absl::StatusOr<v1::ExpertSignature> CountRoutedExperts(const SignatureSource& source,
                                                       const engines::Geometry& geometry) {
  const absl::StatusOr<RowRange> rows = ParseRowRange(source.rows);
  if (!rows.ok()) return rows.status();
  const absl::StatusOr<engines::RoutedExperts> routed =
      ReadNpyRows(source.routed_experts_file, *rows, geometry);
  if (!routed.ok()) return routed.status();
  const absl::StatusOr<engines::ExpertCounts> counts =
      engines::CountExperts(*routed, geometry.experts, 0, routed->tokens);
  if (!counts.ok()) return Annotate(counts.status(), source.routed_experts_file);
  return client::EncodeCounts(counts->counts, counts->tokens);
}

// The rows that --rows names, else the prompt's.
absl::StatusOr<engines::ExpertCounts> CountBody(const std::string& body,
                                                const engines::ResponseOptions& options,
                                                std::optional<uint32_t>& prompt_tokens) {
  const absl::StatusOr<engines::EngineResponse> response = engines::ParseResponse(body, options);
  if (!response.ok()) return response.status();
  if (options.rows == engines::ResponseRows::kRange &&
      response->form == engines::EngineForm::kReferenceCounts) {
    return absl::InvalidArgumentError(absl::StrCat("--rows: the response has ",
                                                   engines::EngineFormName(response->form),
                                                   ", expected a form with a row per token"));
  }
  prompt_tokens = response->prompt_tokens;
  return engines::CountPrompt(*response, options.geometry.experts);
}

absl::StatusOr<v1::ExpertSignature> CountResponse(const SignatureSource& source,
                                                  const engines::Geometry& geometry) {
  const absl::StatusOr<std::string> body = ReadFile(source.response_file);
  if (!body.ok()) return body.status();
  engines::ResponseOptions options;
  options.geometry = geometry;
  options.choice = source.choice;
  options.hidden_layers = source.hidden_layers;
  options.start_len = source.start_len;
  options.rows =
      source.rows.empty() ? engines::ResponseRows::kPrompt : engines::ResponseRows::kRange;
  const absl::StatusOr<RowRange> range = ParseRowRange(source.rows);
  if (!range.ok()) return range.status();
  options.range = *range;
  std::optional<uint32_t> prompt_tokens;
  const absl::StatusOr<engines::ExpertCounts> counts = CountBody(*body, options, prompt_tokens);
  if (!counts.ok()) return Annotate(counts.status(), source.response_file);
  // Rows of decode, which a release may tell, are not part of the prompt.
  if (prompt_tokens.has_value() && *prompt_tokens < counts->tokens) prompt_tokens.reset();
  return client::EncodeCounts(counts->counts, counts->tokens, prompt_tokens);
}

absl::StatusOr<v1::ExpertSignature> ReadCounts(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  absl::StatusOr<v1::ExpertSignature> signature =
      absl::EndsWithIgnoreCase(path, ".csv") ? ParseCountsCsv(*text) : ParseCountsJson(*text);
  if (signature.ok()) return signature;
  return Annotate(signature.status(), path);
}

absl::StatusOr<v1::ExpertSignature> Read(const SignatureSource& source, const std::string& model,
                                         client::Client& client) {
  if (!source.routed_experts_file.empty() || !source.response_file.empty()) {
    const absl::StatusOr<engines::Geometry> geometry = GeometryOf(model, client);
    if (!geometry.ok()) return geometry.status();
    return source.response_file.empty() ? CountRoutedExperts(source, *geometry)
                                        : CountResponse(source, *geometry);
  }
  if (!source.counts_file.empty()) return ReadCounts(source.counts_file);
  if (!source.sparse.empty()) return ParseSparsePairs(source.sparse);
  absl::StatusOr<std::string> data = ReadFile(source.raw_file);
  if (!data.ok()) return data.status();
  return RawCounts(*std::move(data), source.raw_encoding);
}

}  // namespace

absl::StatusOr<v1::ExpertSignature> LoadSignature(const SignatureSource& source,
                                                  const std::string& model,
                                                  client::Client& client) {
  absl::StatusOr<v1::ExpertSignature> signature = Read(source, model, client);
  if (!signature.ok()) return signature;
  if (source.tokens) signature->set_tokens(*source.tokens);
  if (source.prompt_tokens) signature->set_prompt_tokens(*source.prompt_tokens);
  return signature;
}

}  // namespace eldr::ctl

// Reads what a SignatureSource names.
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/ctl/counts_file.h"
#include "client/ctl/npy_file.h"
#include "client/ctl/signature_source.h"

namespace eldr::ctl {
namespace {

// "A:B", "A:" and ":B"; empty is all of them.
absl::Status ParseRows(absl::string_view text, uint64_t tokens, uint64_t& begin, uint64_t& end) {
  begin = 0;
  end = tokens;
  if (text.empty()) return absl::OkStatus();
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  if (parts.size() == 2 && (parts[0].empty() || absl::SimpleAtoi(parts[0], &begin)) &&
      (parts[1].empty() || absl::SimpleAtoi(parts[1], &end))) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("--rows: \"", text, "\", expected A:B"));
}

absl::StatusOr<v1::ExpertSignature> CountRoutedExperts(const SignatureSource& source,
                                                       const std::string& model,
                                                       client::Client& client) {
  absl::StatusOr<NpyFile> file = NpyFile::Open(source.routed_experts_file);
  if (!file.ok()) return file.status();
  const NpyHeader& header = file->header();
  uint64_t begin = 0;
  uint64_t end = 0;
  if (absl::Status status = ParseRows(source.rows, header.tokens, begin, end); !status.ok()) {
    return status;
  }
  const absl::StatusOr<std::vector<int32_t>> ids = file->ReadTokens(begin, end);
  if (!ids.ok()) return ids.status();

  v1::DescribeModelRequest request;
  request.set_name(model);
  const auto described = client.DescribeModel(request);
  if (!described.ok()) return described.status();
  const v1::ModelGeometry& geometry = described->model().geometry();
  if (header.top_k != geometry.top_k()) {
    return absl::InvalidArgumentError(absl::StrCat("file \"", source.routed_experts_file,
                                                   "\" has top_k ", header.top_k, ", expected ",
                                                   geometry.top_k(), " as model \"", model, "\""));
  }
  absl::StatusOr<client::SignatureBuilder> builder = client::SignatureBuilder::Create(geometry);
  if (!builder.ok()) return builder.status();
  const absl::Span<const int32_t> span(*ids);
  // As many rows as MoE layers are those; else the file has the dense layers too.
  const absl::Status added = header.layers == geometry.layers()
                                 ? builder->AddTokens(span)
                                 : builder->AddHiddenLayerTokens(span, header.layers);
  if (!added.ok()) return added;
  return builder->Build();
}

absl::StatusOr<v1::ExpertSignature> ReadCounts(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  absl::StatusOr<v1::ExpertSignature> signature =
      absl::EndsWithIgnoreCase(path, ".csv") ? ParseCountsCsv(*text) : ParseCountsJson(*text);
  if (signature.ok()) return signature;
  return absl::Status(signature.status().code(),
                      absl::StrCat("file \"", path, "\": ", signature.status().message()));
}

absl::StatusOr<v1::ExpertSignature> Read(const SignatureSource& source, const std::string& model,
                                         client::Client& client) {
  if (!source.routed_experts_file.empty()) return CountRoutedExperts(source, model, client);
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

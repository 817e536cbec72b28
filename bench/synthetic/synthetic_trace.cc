#include "bench/synthetic/synthetic_trace.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/base/file_system.h"
#include "core/base/status_macros.h"

namespace eldr::synthetic {
namespace {

// The streams below are the model's own.
constexpr std::uint64_t kFirstRequestStream = 1000;
constexpr std::size_t kMaxRequests = 100'000;
constexpr std::size_t kMaxTokens = 100'000;  // of a phase of a request
constexpr std::size_t kMaxBytes = std::size_t{1} << 32;

absl::Status CheckSize(const TraceSize& size, std::size_t bytes_per_token) {
  if (size.requests == 0 || size.requests > kMaxRequests) {
    return absl::InvalidArgumentError(
        absl::StrCat("requests ", size.requests, ": expected 1 to ", kMaxRequests));
  }
  if (size.prefill_tokens == 0 || size.prefill_tokens > kMaxTokens) {
    return absl::InvalidArgumentError(
        absl::StrCat("prefill tokens ", size.prefill_tokens, ": expected 1 to ", kMaxTokens));
  }
  if (size.decode_tokens < 2 || size.decode_tokens > kMaxTokens) {
    return absl::InvalidArgumentError(
        absl::StrCat("decode tokens ", size.decode_tokens, ": expected 2 to ", kMaxTokens));
  }
  const std::size_t bytes =
      size.requests * (size.prefill_tokens + size.decode_tokens) * bytes_per_token;
  if (bytes > kMaxBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the trace would take ", bytes, " bytes: expected at most ", kMaxBytes));
  }
  return absl::OkStatus();
}

// Format 1.0, padded so that the array starts at a multiple of 64 bytes.
std::string NpyHead(const SyntheticTrace& trace) {
  std::string header = absl::StrCat("{'descr': '|u1', 'fortran_order': False, 'shape': (",
                                    trace.size.requests * trace.tokens_per_request(), ", ",
                                    trace.layers, ", ", trace.top_k, "), }");
  constexpr std::size_t kPrefix = 10;  // magic, version and length
  while ((kPrefix + header.size() + 1) % 64 != 0) header.push_back(' ');
  header.push_back('\n');
  std::string head("\x93NUMPY\x01\x00", 8);
  head.push_back(static_cast<char>(header.size() & 0xff));
  head.push_back(static_cast<char>(header.size() >> 8));
  return head + header;
}

std::string RequestsCsv(const SyntheticTrace& trace) {
  std::string csv = "request,domain,category,token_offset,tokens,prefill_tokens\n";
  for (std::size_t request = 0; request < trace.size.requests; ++request) {
    absl::StrAppend(&csv, "synthetic-", request, ",", trace.domains[trace.domain_of[request]],
                    ",synthetic,", request * trace.tokens_per_request(), ",",
                    trace.tokens_per_request(), ",", trace.size.prefill_tokens, "\n");
  }
  return csv;
}

}  // namespace

absl::StatusOr<SyntheticTrace> DrawTrace(const Marginals& marginals,
                                         const RoutingModel::Options& options,
                                         const TraceSize& size,
                                         absl::FunctionRef<void(std::size_t)> progress) {
  ELDR_RETURN_IF_ERROR(CheckSize(size, marginals.layers * options.top_k));
  ELDR_ASSIGN_OR_RETURN(const RoutingModel model, RoutingModel::Create(marginals, options));
  SyntheticTrace trace;
  trace.size = size;
  trace.layers = model.layers();
  trace.experts = model.experts();
  trace.top_k = model.top_k();
  trace.domains = marginals.domains;
  const std::size_t width = trace.layers * trace.top_k;
  trace.ids.resize(size.requests * trace.tokens_per_request() * width);
  trace.domain_of = TakeTurns(model.shapes(), size.requests);
  std::size_t next = 0;
  for (std::size_t request = 0; request < size.requests; ++request) {
    replay::RandomStream random(options.seed, kFirstRequestStream + request);
    const RequestRouting routing = model.DrawRequest(trace.domain_of[request], random);
    for (std::size_t token = 0; token < trace.tokens_per_request(); ++token, next += width) {
      model.DrawToken(token < size.prefill_tokens ? routing.prefill : routing.decode, random,
                      absl::MakeSpan(trace.ids).subspan(next, width));
    }
    progress(request + 1);
  }
  return trace;
}

absl::Status WriteTrace(const SyntheticTrace& trace, const std::string& readme,
                        const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return absl::UnavailableError(absl::StrCat(folder, ": ", error.message()));
  const absl::string_view ids(reinterpret_cast<const char*>(trace.ids.data()), trace.ids.size());
  FileSystem& files = RealFileSystem();
  const std::string head = NpyHead(trace);
  ELDR_RETURN_IF_ERROR(ReplaceFile(files, folder + "/routed_experts.npy", {head, ids}));
  ELDR_RETURN_IF_ERROR(ReplaceFile(files, folder + "/requests.csv", RequestsCsv(trace)));
  return ReplaceFile(files, folder + "/README.md", readme);
}

}  // namespace eldr::synthetic

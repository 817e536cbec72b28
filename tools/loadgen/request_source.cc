#include "tools/loadgen/request_source.h"

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "tools/replay/made_signatures.h"
#include "tools/replay/signature_proto.h"
#include "tools/replay/trace.h"

namespace eldr::loadgen {
namespace {

// Made signatures that take turns.
constexpr std::size_t kMade = 64;
constexpr std::uint64_t kMaxOutputTokens = 256;

absl::StatusOr<replay::Trace> Load(const LoadOptions& options) {
  replay::TraceOptions trace;
  trace.signature_tokens = options.signature_tokens;
  return replay::LoadTrace(options.trace, trace);
}

}  // namespace

absl::StatusOr<ModelGeometry> TraceGeometry(const LoadOptions& options) {
  ELDR_ASSIGN_OR_RETURN(const replay::Trace trace, Load(options));
  return trace.geometry;
}

absl::StatusOr<RequestSource> RequestSource::Create(const LoadOptions& options,
                                                    const std::string& run) {
  RequestSource source;
  source.model_ = options.model;
  source.run_ = run;
  source.way_ = options.signatures;
  if (options.trace.empty()) {
    for (const MadeSignature& made :
         MakeSignatures(options.geometry, options.form, kMade, options.seed)) {
      replay::SignatureToProto(made.Data(options.form), source.signatures_.emplace_back());
    }
    return source;
  }
  ELDR_ASSIGN_OR_RETURN(const replay::Trace trace, Load(options));
  if (trace.geometry.layers != options.geometry.layers ||
      trace.geometry.experts != options.geometry.experts ||
      trace.geometry.top_k != options.geometry.top_k) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.trace, ": ", trace.geometry.layers, " layers x ",
                     trace.geometry.experts, " experts, top-", trace.geometry.top_k,
                     ", expected those of model \"", options.model, "\", ", options.geometry.layers,
                     " x ", options.geometry.experts, ", top-", options.geometry.top_k));
  }
  for (const replay::TraceRequest& request : trace.requests) {
    replay::SignatureToProto(trace.Signature(request), source.signatures_.emplace_back());
  }
  return source;
}

std::string RequestSource::Id(std::uint64_t number) const {
  return absl::StrCat(run_, "-", number);
}

void RequestSource::FillQuery(std::uint64_t number, v1::PlaceRequest& request) const {
  const v1::ExpertSignature& signature = signatures_[number % signatures_.size()];
  request.set_model(model_);
  request.set_request_id(Id(number));
  request.set_context_tokens(signature.tokens());
  request.set_max_output_tokens(kMaxOutputTokens);
  if (way_ == SignatureWay::kInline) *request.mutable_signature() = signature;
}

void RequestSource::FillPush(std::uint64_t number, v1::PushSignatureRequest& request) const {
  request.set_model(model_);
  request.set_request_id(Id(number));
  request.set_prefill_worker(run_);
  *request.mutable_signature() = signatures_[number % signatures_.size()];
}

}  // namespace eldr::loadgen

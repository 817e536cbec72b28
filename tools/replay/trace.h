// A trace: real requests and the experts that each of their tokens was routed to.
//
// A folder with
//   routed_experts.npy   expert ids of every token, [tokens, layers, top_k] (client/engines/npy.h)
//   requests.csv         request,domain,category,token_offset,tokens[,prefill_tokens]
// or responses of an engine, one per request (response_files.h).
// The first tokens of a request make its signature; the rest is its decode.
#ifndef ELDR_TOOLS_REPLAY_TRACE_H_
#define ELDR_TOOLS_REPLAY_TRACE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/engines/response_body.h"
#include "client/engines/routed_experts.h"
#include "core/model/model_geometry.h"
#include "core/signature/expert_signature.h"
#include "tools/replay/expert_rows.h"

namespace eldr::replay {

struct TraceRequest {
  std::string id;
  std::string domain;
  std::string category;
  std::size_t first_row = 0;  // where its signature starts
  std::uint32_t signature_rows = 0;
  std::uint32_t decode_rows = 0;  // that follow, at least 2
  std::string signature_counts;   // dense counts of `signature_width`, one per cell

  std::size_t first_decode_row() const { return first_row + signature_rows; }
};

struct TraceOptions {
  // Rows that make a request's signature. 0: each request's own prefill_tokens, or the
  // prompt_tokens of its response.
  std::uint32_t signature_tokens = 64;
  // Experts per layer. 0: one more than the highest id in the trace.
  std::uint32_t experts = 0;
  // How responses are decoded; `experts` above holds for its geometry too. Not for a folder with
  // routed_experts.npy.
  engines::ResponseOptions response = {};
};

struct Trace {
  ModelGeometry geometry;
  ExpertRows rows;
  std::vector<TraceRequest> requests;
  // Requests with fewer rows than their signature and two of decode: not replayed.
  std::size_t left_out = 0;
  CountWidth signature_width = CountWidth::k8;

  // Borrows from this trace.
  SignatureData Signature(const TraceRequest& request) const;
  // How often each expert is picked by `tokens` tokens of decode from the row `first` of the
  // request's decode on, which starts again when it runs out: dense counts of 32 bits.
  // REQUIRES: first < request.decode_rows.
  std::string DecodeCounts(const TraceRequest& request, std::uint32_t first,
                           std::uint32_t tokens) const;
};

// Loads a folder with routed_experts.npy; or a file of responses, or a folder of such files.
//
// INVALID_ARGUMENT, naming the file and what is wrong, if a file is malformed, rows of a request
// are not in the trace, an id is not below `experts`, a token names an expert of a layer twice, a
// request id is empty or not unique, or no request is long enough. NOT_FOUND if a file cannot be
// opened.
absl::StatusOr<Trace> LoadTrace(const std::string& path, const TraceOptions& options);

// The experts that the tokens of a .npy were routed to. `experts` as in TraceOptions. Errors start
// with the path.
absl::StatusOr<engines::RoutedExperts> ReadNpy(const std::string& path, std::uint32_t experts);

}  // namespace eldr::replay

#endif  // ELDR_TOOLS_REPLAY_TRACE_H_

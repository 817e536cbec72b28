// A synthetic trace: requests drawn from a routing model, in the form that a replay reads.
#ifndef ELDR_BENCH_SYNTHETIC_SYNTHETIC_TRACE_H_
#define ELDR_BENCH_SYNTHETIC_SYNTHETIC_TRACE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "bench/synthetic/marginals.h"
#include "bench/synthetic/routing_model.h"

namespace eldr::synthetic {

struct TraceSize {
  std::size_t requests = 512;
  std::size_t prefill_tokens = 64;
  std::size_t decode_tokens = 256;
};

struct SyntheticTrace {
  TraceSize size;
  std::size_t layers = 0;
  std::size_t experts = 0;
  std::size_t top_k = 0;
  std::vector<std::string> domains;
  std::vector<std::size_t> domain_of;  // each request's index in `domains`
  std::vector<std::uint8_t> ids;       // [tokens, layers, top_k]

  std::size_t tokens_per_request() const { return size.prefill_tokens + size.decode_tokens; }
  // `token` counts from the request's first; its answer starts at size.prefill_tokens.
  absl::Span<const std::uint8_t> Experts(std::size_t request, std::size_t token,
                                         std::size_t layer) const {
    return absl::MakeConstSpan(ids).subspan(
        ((request * tokens_per_request() + token) * layers + layer) * top_k, top_k);
  }
};

// Domains take turns by their shares (TakeTurns). A request depends on the model's options and on
// its number alone: a longer trace of the same seed starts with a shorter one.
// INVALID_ARGUMENT if the size is out of range; otherwise errors of RoutingModel::Create.
// `progress` gets the requests done.
absl::StatusOr<SyntheticTrace> DrawTrace(const Marginals& marginals,
                                         const RoutingModel::Options& options,
                                         const TraceSize& size,
                                         absl::FunctionRef<void(std::size_t)> progress);

// Writes routed_experts.npy, requests.csv and README.md, whose text is `readme`, into `folder`,
// which is made if it is not there. UNAVAILABLE, naming the file, if one cannot be written.
absl::Status WriteTrace(const SyntheticTrace& trace, const std::string& readme,
                        const std::string& folder);

}  // namespace eldr::synthetic

#endif  // ELDR_BENCH_SYNTHETIC_SYNTHETIC_TRACE_H_

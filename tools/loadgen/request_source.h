// The requests of a load: ids and signatures.
#ifndef ELDR_TOOLS_LOADGEN_REQUEST_SOURCE_H_
#define ELDR_TOOLS_LOADGEN_REQUEST_SOURCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "eldr/v1/placement.pb.h"
#include "tools/loadgen/load_options.h"

namespace eldr::loadgen {

// Requests are numbered from 0; a number always stands for the same id and signature. Thread-safe.
class RequestSource {
 public:
  // `options.geometry` is the model's. The errors of LoadTrace, and INVALID_ARGUMENT if the trace
  // is of another geometry. `run` tells the ids of this run from those of others.
  static absl::StatusOr<RequestSource> Create(const LoadOptions& options, const std::string& run);

  std::string Id(std::uint64_t number) const;
  // Fill messages that may hold another request's content.
  void FillQuery(std::uint64_t number, v1::PlaceRequest& request) const;
  void FillPush(std::uint64_t number, v1::PushSignatureRequest& request) const;

  SignatureWay signatures() const { return way_; }

 private:
  RequestSource() = default;

  std::string model_;
  std::string run_;
  SignatureWay way_ = SignatureWay::kInline;
  std::vector<v1::ExpertSignature> signatures_;
};

// The geometry of a trace's requests. The errors of LoadTrace.
absl::StatusOr<ModelGeometry> TraceGeometry(const LoadOptions& options);

}  // namespace eldr::loadgen

#endif  // ELDR_TOOLS_LOADGEN_REQUEST_SOURCE_H_

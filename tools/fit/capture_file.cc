#include "tools/fit/capture_file.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "eldr/storage/v1/capture.pb.h"
#include "server/convert/proto_convert.h"
#include "server/record/record_stream.h"
#include "tools/fit/signature_counts.h"
#include "tools/replay/file_contents.h"

namespace eldr::fit {
namespace {

constexpr absl::string_view kMagic = "ELDRCAP1";

// Seconds and nanoseconds since the epoch: orders as time does.
using ReceiveTime = std::pair<std::int64_t, std::int32_t>;

struct CapturedRequest {
  ReceiveTime last;  // of its signature
  std::vector<float> signature;
  std::vector<float> decode_counts;  // empty if not recorded
};

class Collection {
 public:
  explicit Collection(const CaptureSelection& selection) : selection_(selection) {}

  absl::Status AddFile(absl::string_view bytes) {
    bytes.remove_prefix(kMagic.size());
    std::size_t number = 0;
    return VisitRecords<storage::v1::CaptureRecord>(
        bytes, [&](const storage::v1::CaptureRecord& record) {
          absl::Status status = Add(record);
          if (!status.ok()) return replay::Annotate(status, absl::StrCat("record ", number));
          ++number;
          return absl::OkStatus();
        });
  }

  absl::StatusOr<FitInput> Input() const {
    if (models_.size() > 1 && selection_.model.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "model: got none, expected one of those captured: ", absl::StrJoin(models_, ", ")));
    }
    std::vector<const CapturedRequest*> newest;
    for (const auto& [request, captured] : requests_) {
      if (!captured.signature.empty()) newest.push_back(&captured);
    }
    if (newest.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("captures: hold no signature",
                       selection_.model.empty() ? "" : " of model " + selection_.model));
    }
    std::sort(newest.begin(), newest.end(),
              [](const auto* a, const auto* b) { return a->last < b->last; });
    if (newest.size() > selection_.most_requests) {
      newest.erase(newest.begin(),
                   newest.end() - static_cast<std::ptrdiff_t>(selection_.most_requests));
    }
    const auto with_decode = static_cast<std::size_t>(std::count_if(
        newest.begin(), newest.end(), [](const auto* r) { return !r->decode_counts.empty(); }));
    const bool paired = 2 * with_decode >= newest.size();
    FitInput input;
    input.layers = selection_.layers;
    input.experts = selection_.experts;
    for (const CapturedRequest* request : newest) {
      if (paired && request->decode_counts.empty()) continue;
      input.signatures.Add(request->signature);
      if (paired) input.decode_counts.Add(request->decode_counts);
    }
    return input;
  }

 private:
  absl::Status Add(const storage::v1::CaptureRecord& record) {
    models_.insert(record.model());
    if (!selection_.model.empty() && record.model() != selection_.model) return absl::OkStatus();
    CapturedRequest& request = requests_[record.request()];
    const bool is_signature = record.has_signature();
    std::vector<float>& counts = is_signature ? request.signature : request.decode_counts;
    const ReceiveTime time = {record.receive_time().seconds(), record.receive_time().nanos()};
    const bool adds = is_signature && record.append() && !counts.empty();
    if (!adds) counts.assign(std::size_t{selection_.layers} * selection_.experts, 0);
    if (is_signature) request.last = std::max(request.last, time);
    ELDR_ASSIGN_OR_RETURN(const SignatureData data,
                          is_signature ? FromProto(record.signature(), "signature")
                                       : FromProto(record.decode_counts(), "decode_counts"));
    return AddCounts(data, counts);
  }

  const CaptureSelection& selection_;
  std::set<std::string> models_;
  std::map<std::uint64_t, CapturedRequest> requests_;  // in an order that is always the same
};

}  // namespace

bool IsCaptureFile(absl::string_view bytes) { return absl::StartsWith(bytes, kMagic); }

absl::StatusOr<FitInput> ReadCaptureFiles(const std::vector<std::string>& paths,
                                          const CaptureSelection& selection) {
  // The daemon numbers its files, so that chunks of a request are added in their order.
  std::vector<std::string> in_order = paths;
  std::sort(in_order.begin(), in_order.end());
  Collection collection(selection);
  for (const std::string& path : in_order) {
    ELDR_ASSIGN_OR_RETURN(const std::string bytes, replay::ReadFile(path));
    if (!IsCaptureFile(bytes)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": is no capture of eldrd, as others here are"));
    }
    if (absl::Status status = collection.AddFile(bytes); !status.ok()) {
      return replay::Annotate(status, path);
    }
  }
  return collection.Input();
}

}  // namespace eldr::fit

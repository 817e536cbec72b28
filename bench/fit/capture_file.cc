#include "bench/fit/capture_file.h"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/delimited_message_util.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "bench/replay/file_contents.h"
#include "core/base/status_macros.h"
#include "eldr/v1/capture.pb.h"

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

template <typename Count>
void AddDense(absl::string_view bytes, std::vector<float>& sum) {
  for (std::size_t i = 0; i < sum.size(); ++i) {
    Count count;
    std::memcpy(&count, bytes.data() + i * sizeof(Count), sizeof(Count));
    sum[i] += static_cast<float>(count);
  }
}

absl::Status Refuse(absl::string_view field, std::size_t got, std::size_t expected) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": got ", got, ", expected ", expected,
                                                 " by the layers and experts that are given"));
}

absl::Status AddCounts(const v1::ExpertSignature& counts, std::vector<float>& sum) {
  if (counts.has_dense()) {
    const std::string& data = counts.dense().data();
    const std::size_t width = counts.dense().encoding() == v1::COUNT_ENCODING_UINT8    ? 1
                              : counts.dense().encoding() == v1::COUNT_ENCODING_UINT16 ? 2
                                                                                       : 4;
    if (data.size() != width * sum.size()) {
      return Refuse("bytes of counts", data.size(), width * sum.size());
    }
    if (width == 1) AddDense<std::uint8_t>(data, sum);
    if (width == 2) AddDense<std::uint16_t>(data, sum);
    if (width == 4) AddDense<std::uint32_t>(data, sum);
    return absl::OkStatus();
  }
  const v1::SparseCounts& sparse = counts.sparse();
  if (sparse.indices_size() != sparse.counts_size()) {
    return Refuse("sparse counts", static_cast<std::size_t>(sparse.counts_size()),
                  static_cast<std::size_t>(sparse.indices_size()));
  }
  for (int i = 0; i < sparse.indices_size(); ++i) {
    if (sparse.indices(i) >= sum.size()) {
      return Refuse("index of a count", sparse.indices(i), sum.size() - 1);
    }
    sum[sparse.indices(i)] += static_cast<float>(sparse.counts(i));
  }
  return absl::OkStatus();
}

class Collection {
 public:
  explicit Collection(const CaptureSelection& selection) : selection_(selection) {}

  absl::Status AddFile(absl::string_view bytes) {
    bytes.remove_prefix(kMagic.size());
    google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
    v1::CaptureRecord record;
    bool at_end = false;
    for (std::size_t number = 0;
         google::protobuf::util::ParseDelimitedFromZeroCopyStream(&record, &stream, &at_end);
         ++number) {
      models_.insert(record.model());
      if (!selection_.model.empty() && record.model() != selection_.model) continue;
      if (absl::Status status = Add(record); !status.ok()) {
        return replay::Annotate(status, absl::StrCat("record ", number));
      }
    }
    return absl::OkStatus();
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
  absl::Status Add(const v1::CaptureRecord& record) {
    CapturedRequest& request = requests_[record.request()];
    const bool is_signature = record.has_signature();
    std::vector<float>& counts = is_signature ? request.signature : request.decode_counts;
    const ReceiveTime time = {record.receive_time().seconds(), record.receive_time().nanos()};
    const bool adds = is_signature && record.append() && !counts.empty();
    if (!adds) counts.assign(std::size_t{selection_.layers} * selection_.experts, 0);
    if (is_signature) request.last = std::max(request.last, time);
    return AddCounts(is_signature ? record.signature() : record.decode_counts(), counts);
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

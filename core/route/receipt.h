// Receipts: why each placement went where it went, kept in a bounded ring.
#ifndef ELDR_CORE_ROUTE_RECEIPT_H_
#define ELDR_CORE_ROUTE_RECEIPT_H_

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/route/placement.h"
#include "core/step_time/step_time_model.h"

namespace eldr {

// A candidate as the decision saw it; see CandidateScore in placement.proto.
struct ReceiptCandidate {
  std::string node_id;
  std::uint32_t load = 0;
  double expected_experts = 0;
  double marginal_experts = 0;
  absl::Duration predicted_step_time;
  double cost = 0;
  bool avoided = false;            // for its slow step
  StepTimeCoefficients step_time;  // of its group, with the request in the batch
};

struct Receipt {
  static constexpr std::size_t kMaxCandidates = 16;

  absl::Time place_time;
  std::string request_id;
  std::string prefill_worker;
  std::string trace_id;  // empty if the caller told none
  std::string node_id;
  std::uint64_t lease_id = 0;
  absl::string_view policy;
  PlacementReason reason = PlacementReason::kPolicy;
  SignatureQuality signature_quality = SignatureQuality::kMissing;
  double signature_coverage = 0;
  LoadBasis load_basis = LoadBasis::kOwnCount;
  std::optional<absl::Duration> signature_age;                 // not set if there was none
  std::vector<ReceiptCandidate> candidates;                    // best first, at most kMaxCandidates
  std::uint32_t candidate_count = 0;                           // of all
  std::array<std::uint32_t, kIneligibleReasons> ineligible{};  // nodes, by Ineligible
  std::optional<ShadowDecision> shadow;                        // if the model has such a policy
};

// The newest receipts of a model, by request. Not thread-safe.
class ReceiptRing {
 public:
  // Keeps at most `capacity` receipts; 0 keeps none.
  explicit ReceiptRing(std::size_t capacity) : capacity_(capacity) {}

  // The slot of the oldest receipt, to be overwritten in place so that its buffers are used again;
  // nullptr if none are kept. The caller then calls Commit.
  Receipt* Next();
  // Makes the slot that Next() answered findable by its request_id.
  void Commit();
  // The newest receipt of a request, or nullptr. Valid until the next Next().
  const Receipt* Find(absl::string_view request_id) const;
  // How many receipts were committed: the sequence number of the newest one, which the first has
  // as 1.
  std::uint64_t committed() const { return committed_; }
  // The receipt of a sequence number, or nullptr if it is not kept. Valid until the next Next().
  const Receipt* At(std::uint64_t sequence) const;
  std::size_t size() const { return by_request_.size(); }

 private:
  const std::size_t capacity_;
  std::size_t next_ = 0;
  std::uint64_t committed_ = 0;
  std::deque<Receipt> ring_;  // which never moves a receipt
  // The keys are the texts in the ring: a slot leaves the index before it is overwritten.
  absl::flat_hash_map<absl::string_view, std::size_t> by_request_;
};

}  // namespace eldr

#endif  // ELDR_CORE_ROUTE_RECEIPT_H_

// What the daemon counts and times; docs/metrics.md describes every family.
#ifndef ELDR_SERVER_METRICS_METRICS_H_
#define ELDR_SERVER_METRICS_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/mutex.h"
#include "core/fleet/lease.h"
#include "core/route/placement.h"
#include "core/signature/expert_signature.h"

namespace eldr {

// The calls of the services; a message of a stream counts as one call.
enum class Call : std::uint8_t {
  kPushSignature,
  kStreamSignatures,
  kPlace,
  kStreamPlacements,
  kRenewLease,
  kRenewLeases,
  kReleaseLease,
  kReleaseLeases,
  kExplainPlacement,
  kRegisterNode,
  kHeartbeat,
  kStreamHeartbeats,
  kDrainNode,
  kUndrainNode,
  kRemoveNode,
  kListNodes,
  kGetResidency,
  kDeclareModel,
  kListModels,
  kDescribeModel,
  kUpdateBlocks,
  kWatchPlacements,
  kGetHistory,
};
inline constexpr std::size_t kCalls = 23;
// The method's name, "Place".
absl::string_view Name(Call call);

// The form in which a signature's counts came.
enum class SignatureEncoding : std::uint8_t { kUint8, kUint16, kUint32, kSparse, kNone };
inline constexpr std::size_t kSignatureEncodings = 5;
SignatureEncoding EncodingOf(const SignatureData& signature);
// Bytes that the counts take on the wire, or in memory if sparse.
std::size_t EncodedBytes(const SignatureData& signature);

// What became of a signature.
enum class SignatureOutcome : std::uint8_t {
  kStored,        // waits to be placed
  kUpdatedLease,  // came after its placement
  kInline,        // came with its query
  kRefused,
};
inline constexpr std::size_t kSignatureOutcomes = 4;

class Families;
struct ModelCounts;

// The series of one model, as references that are made once: nothing is looked up per call but the
// model. Thread-safe.
class ModelMetrics {
 public:
  ModelMetrics(Families& families, const std::string& model, const std::string& policy);

  void OnPlaced(const Placement& placement);
  void OnNotPlaced(absl::StatusCode code);
  void OnDecision(absl::Duration took) { decision_->Observe(absl::ToDoubleSeconds(took)); }
  void OnSignature(const SignatureData& signature, SignatureOutcome outcome);
  void OnLeaseEnded(LeaseEnd end) { leases_ended_[static_cast<std::size_t>(end)]->Increment(); }
  void OnLeaseAdopted() { adopted_->Increment(); }
  void OnReconciled(std::uint32_t conflicts, std::uint32_t not_adopted) {
    conflicts_->Increment(conflicts);
    not_adopted_->Increment(not_adopted);
  }
  void OnSignaturesDropped(std::size_t expired, std::size_t evicted);

  const std::string& model() const { return model_; }

  // What was counted so far; model_counts.h.
  ModelCounts Counts(absl::string_view shadow_policy) const;

 private:
  void CountShadow(const ShadowDecision& shadow, absl::string_view made);

  static constexpr std::size_t kReasons = 5;
  static constexpr std::size_t kQualities = 3;
  static constexpr std::size_t kBases = 2;

  const std::string model_;
  const std::string policy_;
  Families& families_;
  std::array<prometheus::Counter*, kReasons> placed_;
  std::array<std::array<prometheus::Counter*, kBases>, kQualities> basis_;
  prometheus::Counter* marginal_experts_;
  prometheus::Counter* candidate_marginal_experts_;
  prometheus::Histogram* decision_;
  prometheus::Histogram* signature_age_;
  prometheus::Histogram* signature_bytes_;
  std::array<std::array<prometheus::Counter*, kSignatureOutcomes>, kSignatureEncodings> signatures_;
  std::array<prometheus::Counter*, kLeaseEnds> leases_ended_;
  prometheus::Counter* adopted_;
  prometheus::Counter* conflicts_;
  prometheus::Counter* not_adopted_;
  prometheus::Counter* dropped_expired_;
  prometheus::Counter* dropped_evicted_;
  // Sums of series that are made as they come, for Counts().
  std::atomic<std::uint64_t> not_placed_{0};
  std::atomic<std::uint64_t> compared_{0};
};

// Thread-safe.
class Metrics {
 public:
  // Registers all families. `max_models` bounds the models; `registry` must outlive this.
  Metrics(prometheus::Registry& registry, std::size_t max_models);
  ~Metrics();

  // Makes the series of a model, unless there are some. Call when a model is declared.
  void AddModel(const std::string& model, const std::string& policy);
  // nullptr if the model was not added. Takes no lock: it is on the path of every placement.
  ModelMetrics* FindModel(absl::string_view model) const;

  // A refusal that a limit made counts for that limit too; see LimitExceeded().
  void OnCall(Call call, const absl::Status& status, absl::Duration took);
  void SetCallsInFlight(std::int64_t calls);
  // Calls that a limit refused, so far.
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }
  // A watcher of placements was too slow to be told of one.
  void OnWatchMissed() { watch_missed_->Increment(); }

 private:
  // Open addressing, filled to a quarter at most; models are only ever added.
  std::size_t SlotOf(absl::string_view model) const;

  std::unique_ptr<Families> families_;
  prometheus::Gauge* const calls_in_flight_;
  prometheus::Counter* const watch_missed_;
  struct CallMetrics {
    prometheus::Counter* ok;
    prometheus::Histogram* seconds;
  };
  std::array<CallMetrics, kCalls> calls_;
  std::atomic<std::uint64_t> refused_{0};

  Mutex mutex_;
  std::vector<std::unique_ptr<ModelMetrics>> models_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::atomic<ModelMetrics*>> slots_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_METRICS_METRICS_H_

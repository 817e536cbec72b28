// A second set of books on a router: what its answers and its observer add up to.
#ifndef ELDR_TESTS_PROPERTY_ROUTER_BOOKS_H_
#define ELDR_TESTS_PROPERTY_ROUTER_BOOKS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/route/router.h"
#include "core/signature/activation_prior.h"
#include "core/signature/expert_signature.h"

namespace eldr {

// Keeps plain maps, in the order things are told, and derives every sum anew when asked. Wrong ends
// of leases and wrong sums fail the running test. For one model and one thread.
class RouterBooks final : public RouterObserver {
 public:
  // What was told of a request's signature.
  struct Told {
    std::uint32_t tokens = 0;  // 0: nothing
    bool partial = false;
    std::optional<std::uint32_t> prompt_tokens;
    bool in_chunks = false;

    bool may_grow() const { return partial || (in_chunks && !prompt_tokens); }
  };
  struct BookedLease {
    std::uint64_t id = 0;
    std::string node_id;
    std::vector<std::uint8_t> codes;
    Told told;
    std::uint32_t sequences = 1;
    std::uint64_t kv_tokens = 0;
    bool learned = false;
    absl::Duration ttl;
    MonotonicTime placed_at;
    MonotonicTime expires_at;
  };
  struct BookedNode {
    NodeSpec spec;
    NodeState state = NodeState::kJoining;
    bool draining = false;
    std::optional<MonotonicTime> heard;
    std::uint32_t reported = 0;  // running and queued
    std::optional<double> kv_usage;
    std::uint32_t placed_since_report = 0;
    std::uint32_t ended_since_report = 0;
  };

  RouterBooks(const ModelGeometry& geometry, const Router::Options& options,
              const EstimateParameters& estimate, const Clock& clock)
      : geometry_(geometry),
        options_(options),
        estimate_(estimate),
        clock_(clock),
        prior_(geometry) {}

  // What the next call may end, and must, unless time ends it first.
  void ExpectEnd(LeaseEnd end, const std::set<std::string>& request_ids);
  void ExpectEndOfLeasesOn(const std::string& node_id, LeaseEnd end);
  // To be told after each call of the router.
  void CallDone();

  // The answers of calls that succeeded.
  void Registered(const NodeSpec& spec);
  void Heard(const NodeReport& report, const HeartbeatResult& result);
  // What a complete list of this node must adopt, leave alone, and end.
  struct Reconciliation {
    std::set<std::string> adopted;
    std::set<std::string> unconfirmed;
    std::uint32_t conflicts = 0;
    std::uint32_t not_adopted = 0;
  };
  Reconciliation ExpectReconciliation(const std::string& node_id,
                                      const std::set<std::string>& named);
  // The leases on the node that a report must end. Call it before the report.
  std::set<std::string> FinishedBy(const NodeReport& report) const;
  // What a push must come to, by the words of PushSignatureRequest.
  enum class PushFate { kTaken, kKnownAlready, kRefused };
  PushFate FateOf(const SignaturePush& push) const;
  // `fate` is what it was before the push.
  void Pushed(const SignaturePush& push, PushFate fate, const PushResult& result);
  void Placed(const PlacementQuery& query, const Placement& placement);
  void Renewed(const std::string& request_id, absl::Duration ttl);
  // Also without a lease: what waited for the request's placement is dropped.
  void Released(const std::string& request_id);

  // Where a query may go, by the rules alone. REQUIRES: time has been seen by the router.
  std::set<std::string> EligibleNodes(const PlacementQuery& query) const;
  // False if no node that the query permits could hold it, even an empty one.
  bool EverFits(const PlacementQuery& query) const;
  // Compares every sum that the router tells with the books.
  void Compare(const Router& router) const;

  const std::map<std::string, BookedLease>& leases() const { return leases_; }
  const std::map<std::string, BookedNode>& nodes() const { return nodes_; }
  // What was told of a request, as long as it is stored or placed.
  Told ToldOf(const std::string& request_id) const;
  // Changes when a request's lease ends, when its signature is forgotten, and when one that claims
  // to be whole contradicts it: a call from before is then not one that is repeated.
  std::uint64_t LifeOf(const std::string& request_id) const;
  const std::set<std::uint64_t>& ended_ids() const { return ended_ids_; }
  std::map<LeaseEnd, int> ends() const { return ends_; }
  int adoptions() const { return adoptions_; }
  int refused_adoptions() const { return refused_adoptions_; }

  // Every change of the router's own book.
  const std::vector<Change>& changes() const { return changes_; }

  void OnChange(absl::string_view /*model*/, const Change& change) override {
    changes_.push_back(change);
  }
  void OnLeaseEnded(absl::string_view model, const Lease& lease, LeaseEnd end) override;
  void OnLeaseAdopted(absl::string_view model, const Lease& lease) override;
  void OnNodeRegistered(const DecodeNode& node) override;
  void OnNodeState(const DecodeNode& node, NodeState before) override;
  void OnNodeDraining(const DecodeNode& node) override;
  void OnNodeRemoved(const DecodeNode& node) override;
  void OnPanicMode(absl::string_view /*model*/, bool panic) override { panic_ = panic; }

 private:
  struct Stored {
    ExpertSignature signature;
    MonotonicTime pushed_at;
    bool in_chunks = false;

    Told told() const;
  };

  MonotonicTime now() const { return clock_.Monotonic(); }
  // The stored signature, unless it is too old.
  const Stored* FindStored(const std::string& request_id) const;
  // It was pushed, never placed, and is too old.
  bool Forgotten(const std::string& request_id) const;
  bool ReportIsFresh(const BookedNode& node) const;
  std::uint32_t Load(const BookedNode& node, std::uint32_t sequences) const;
  // Whether a signature that is no chunk replaces what was told.
  static bool Replaces(const ExpertSignature& whole, const Told& told);
  void KeepIfItMayGrow(const std::string& request_id, const ExpertSignature& signature,
                       bool in_chunks);
  std::vector<std::uint8_t> Estimate(const ExpertSignature* signature) const;
  void LearnOnce(BookedLease& lease, const ExpertSignature* signature);

  const ModelGeometry geometry_;
  const Router::Options options_;
  const EstimateParameters estimate_;
  const Clock& clock_;

  ActivationPrior prior_;
  std::map<std::string, BookedLease> leases_;  // by request
  std::map<std::string, BookedNode> nodes_;
  std::map<std::string, Stored> stored_;
  std::map<std::string, std::uint64_t> lives_;  // see LifeOf
  bool panic_ = false;

  std::map<std::string, LeaseEnd> expected_ends_;
  std::set<std::string> expected_adoptions_;
  // When the last lease of a request on a node of that id ended.
  std::map<std::pair<std::string, std::string>, MonotonicTime> last_end_;
  int adoptions_ = 0;
  int refused_adoptions_ = 0;
  std::optional<BookedLease> moved_;  // by the call that runs
  std::set<std::uint64_t> ended_ids_;
  std::map<LeaseEnd, int> ends_;
  std::vector<Change> changes_;
};

}  // namespace eldr

#endif  // ELDR_TESTS_PROPERTY_ROUTER_BOOKS_H_

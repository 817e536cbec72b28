// The router: every served model with its fleet, signatures, leases and residency.
//
//   auto router = Router::Create(Router::Options{}, RealClock(), observer);
//   (*router)->DeclareModel({.name = "m", .geometry = {48, 128, 8}});
//   (*router)->RegisterNode({.node_id = "d0", .model = "m", .address = "10.0.0.1:8000"});
//   auto placement = (*router)->Place({.model = "m", .request_id = "r1"});
//
// Thread-safe. Calls on different models do not wait for each other, unless they register or remove
// the same node id; a call does no I/O. Time
// passes only as the clock says; Step() does what time asks for, and calls act on time passed as if
// a Step() had just run for their model.
//
// Errors are those of the protos in proto/eldr/v1 (same codes, same field names).
#ifndef ELDR_CORE_ROUTE_ROUTER_H_
#define ELDR_CORE_ROUTE_ROUTER_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/books/book.h"
#include "core/fleet/decode_node.h"
#include "core/intake/push.h"
#include "core/model/model_geometry.h"
#include "core/policy/policy.h"
#include "core/policy/policy_settings.h"
#include "core/prefix/block_signature_store.h"
#include "core/route/background_job.h"
#include "core/route/model_index.h"
#include "core/route/node_id_locks.h"
#include "core/route/placement.h"
#include "core/route/receipt.h"
#include "core/route/router_observer.h"
#include "core/route/router_state.h"

namespace eldr {

class ModelRouter;

// A model as declared.
struct ModelSpec {
  std::string name;
  ModelGeometry geometry;
  PolicySettings settings;
};

// A model as it stands.
struct ModelDescription {
  ModelSpec spec;
  std::map<std::string, double> parameters;  // the policy's, by configuration name
  std::uint32_t nodes = 0;
  std::uint32_t ready_nodes = 0;  // ready and not draining
  std::uint64_t leases = 0;
  std::uint64_t stored_signatures = 0;
  std::uint64_t stored_signature_bytes = 0;
  std::uint64_t learned_requests = 0;
  std::uint64_t decode_observations = 0;  // releases that carried decode counts
  bool panic_mode = false;
  std::uint64_t stored_blocks = 0;  // of all prefill workers
  std::uint64_t stored_block_bytes = 0;
  BlockSignatureStore::Counters blocks;
  // Of the policy and of its shadow; none for one that never fits.
  std::optional<PolicyFits> fits;
  std::optional<PolicyFits> shadow_fits;
};

// Names a lease; id 0 means whatever lease the request holds.
struct LeaseKey {
  absl::string_view model;
  absl::string_view request_id;
  std::uint64_t lease_id = 0;
};

enum class LeaseOutcome : std::uint8_t { kDone, kNotHeld, kStale };
absl::string_view Name(LeaseOutcome outcome);

struct RenewResult {
  LeaseOutcome outcome = LeaseOutcome::kNotHeld;
  absl::Duration lease_ttl;
};

struct LeaseRelease {
  LeaseKey lease;
  std::optional<std::uint64_t> output_tokens;
  std::optional<SignatureData> decode_counts;
};

struct RegisterResult {
  NodeState state = NodeState::kJoining;
  bool created = false;
  std::uint32_t ended_leases = 0;
  // The id of a node that is heard at the same address and rank; empty if there is none.
  std::string shares_address_with;
};

struct HeartbeatResult {
  NodeState state = NodeState::kReady;
  bool draining = false;
  std::uint32_t leases = 0;
  // Of a complete list; see HeartbeatResponse in fleet.proto.
  std::uint32_t adopted = 0;
  std::uint32_t unconfirmed = 0;
  std::uint32_t conflicts = 0;
  std::uint32_t not_adopted = 0;
  // The node was restored from a former process, and this is the first that is heard of it.
  bool confirm = false;
};

struct RemoveResult {
  bool removed = false;
  std::uint32_t ended_leases = 0;
};

// A node as it stands, for people and metrics.
struct NodeStatus {
  NodeSpec spec;
  NodeState state = NodeState::kJoining;  // kLostInPanic too
  bool draining = false;
  std::uint32_t load = 0;
  std::uint32_t leases = 0;
  std::uint64_t kv_tokens = 0;
  std::uint32_t reported_running = 0;
  std::uint32_t reported_queued = 0;
  std::optional<double> reported_kv_usage;
  std::optional<absl::Duration> reported_step_time;  // mean of the last report that had steps
  std::optional<absl::Duration> heartbeat_age;
  absl::Time register_time;
  std::array<std::uint64_t, kDisbeliefs> not_believed{};  // reports of steps, by cause
  StepTimeCoefficients step_time;                         // in force for its group
  double expected_experts_per_layer = 0;                  // of its group
  std::optional<absl::Duration> predicted_step_time;  // of its group; not set while that is empty
};

// Where a node stands in the list of all, by model and id. It need not be registered any more.
struct NodePosition {
  std::string model;
  std::string node_id;
};

struct Residency {
  std::string model;
  std::string expert_group;
  ModelGeometry geometry;
  std::vector<float> activation;  // chance per step, by cell
  std::uint32_t leases = 0;
};

struct Explanation {
  Receipt receipt;
  std::map<std::string, double> parameters;
  bool lease_held = false;
};

// Called with a receipt, its sequence number, and whether the request holds that lease still.
using ReceiptVisitor =
    absl::FunctionRef<void(std::uint64_t sequence, const Receipt& receipt, bool lease_held)>;

// Whether what somebody does in a node's stead may be done, by how the node is registered. Called
// while registrations of its id wait: it must be quick and must not call the router.
using NodeGuard = absl::FunctionRef<bool(const NodeSpec& registered)>;

class Router {
 public:
  struct Options {
    // Their ranges are those of core/route/router_ranges.h.

    // What a placement gets that asks for no time to live of its own.
    absl::Duration lease_ttl = absl::Minutes(10);
    // How long an unplaced signature is kept since its last push, and the most bytes that all
    // signatures of one model may hold; the oldest go first.
    absl::Duration signature_ttl = absl::Seconds(60);
    std::size_t signature_store_bytes = std::size_t{256} << 20;
    // The most bytes that the block signatures of one model may hold; those that were not used for
    // longest go first.
    std::size_t block_store_bytes = std::size_t{64} << 20;
    // Silence after which a node is lost; at least three heartbeats must fit in.
    absl::Duration node_timeout = absl::Seconds(10);
    // Panic mode (failure_detector.h): begins when less than this share of a model's nodes is
    // heard, 0: never; and lasts for so many node_timeouts at most.
    double panic_threshold = 0.5;
    std::uint64_t max_panic_timeouts = 3;
    // How long a lost node is kept. It goes before that if a new one needs its place.
    absl::Duration forget_lost_after = absl::Minutes(10);
    // How old a lease is at least when it ends for not being in a node's complete list.
    absl::Duration confirm_grace = absl::Seconds(30);
    // A fresh report of more KV usage than this keeps new placements away.
    double max_kv_usage = 0.95;
    // Bounds: beyond them RESOURCE_EXHAUSTED.
    std::size_t max_models = 64;
    std::size_t max_nodes_per_model = 4096;
    std::size_t max_leases_per_model = 1'000'000;
    // Receipts kept per model.
    std::size_t receipts = 4096;
    // Seeds all random choices. Each model draws from a stream of its own, seeded by this and its
    // name, so equal calls on a model give equal answers whatever other models do.
    std::uint64_t seed = 1;
  };

  // INVALID_ARGUMENT, naming the option, if one is out of range. `clock` and `observer` must
  // outlive the router.
  static absl::StatusOr<std::unique_ptr<Router>> Create(Options options, const Clock& clock,
                                                        RouterObserver& observer);
  ~Router();

  // True if it was not declared before.
  absl::StatusOr<bool> DeclareModel(const ModelSpec& spec);
  // The same for a model that a former router had: also when max_models are declared.
  absl::StatusOr<bool> RedeclareModel(const ModelSpec& spec);
  absl::StatusOr<ModelDescription> DescribeModel(absl::string_view name) const;
  // Ordered by name: those that come after `after`, which need not be declared, and `most` of them.
  std::vector<ModelDescription> ListModels(absl::string_view after = "",
                                           std::size_t most = SIZE_MAX) const;

  absl::StatusOr<PushResult> PushSignature(const SignaturePush& push);
  absl::StatusOr<BlockUpdateResult> UpdateBlocks(const BlockUpdate& update);
  absl::StatusOr<Placement> Place(const PlacementQuery& query);
  absl::StatusOr<RenewResult> Renew(const LeaseKey& key, std::optional<absl::Duration> ttl);
  absl::StatusOr<LeaseOutcome> Release(const LeaseRelease& release);
  absl::StatusOr<Explanation> Explain(absl::string_view model, absl::string_view request_id) const;

  // Visits the receipts of a model that are kept and numbered from `first` to `last`, the newest
  // first, and answers the number of the model's newest (its placements since it was declared; 0 if
  // no receipts are kept). The model's lock is held meanwhile: `visit` must be quick, must not call
  // the router, and a range of more than some dozen belongs into several calls.
  absl::StatusOr<std::uint64_t> VisitReceipts(absl::string_view model, std::uint64_t first,
                                              std::uint64_t last, ReceiptVisitor visit) const;

  // Calls `on_arrival` once, on the thread that pushes, when a signature of the request arrives,
  // and answers an id for CancelWait. Answers 0, and never calls, if there is nothing to wait for:
  // a signature is stored, the request holds a lease, or the model is not declared. `on_arrival`
  // runs without locks held and may call the router.
  std::uint64_t AwaitSignature(absl::string_view model, absl::string_view request_id,
                               absl::AnyInvocable<void()> on_arrival);
  // True if the wait was ended by this call, so that its callback has not run and never will.
  bool CancelWait(absl::string_view model, std::uint64_t wait_id);

  // Of the five calls that follow, one with a guard is made by another than the node: nothing is
  // done and the answer is FAILED_PRECONDITION if the id is registered and the guard says no. No
  // registration comes between the two.
  absl::StatusOr<RegisterResult> RegisterNode(const NodeSpec& spec,
                                              std::optional<NodeGuard> guard = std::nullopt);
  absl::StatusOr<HeartbeatResult> Heartbeat(const NodeReport& report,
                                            std::optional<NodeGuard> guard = std::nullopt);
  // The leases the node still holds.
  absl::StatusOr<std::uint32_t> DrainNode(absl::string_view node_id,
                                          std::optional<NodeGuard> guard = std::nullopt);
  absl::StatusOr<NodeState> UndrainNode(absl::string_view node_id,
                                        std::optional<NodeGuard> guard = std::nullopt);
  absl::StatusOr<RemoveResult> RemoveNode(absl::string_view node_id,
                                          std::optional<NodeGuard> guard = std::nullopt);
  // Ordered by model and id; an empty model means all. Those that come after `after`, and `most` of
  // them.
  absl::StatusOr<std::vector<NodeStatus>> ListNodes(absl::string_view model,
                                                    const NodePosition& after = {},
                                                    std::size_t most = SIZE_MAX) const;
  // OK if the model is declared and the node registered, for that model if both are named;
  // NOT_FOUND if not. What is empty is not asked.
  absl::Status CheckNamed(absl::string_view model, absl::string_view node_id) const;
  absl::StatusOr<Residency> GetResidency(absl::string_view node_id) const;

  // Ends what time has ended: leases, stored signatures, silent nodes. Call it about every 100 ms;
  // calls do it for their own model, so only idle models depend on it. What ends by time together
  // ends in small parts, between which other calls have their turn: a call may still find a lease
  // whose time passed a moment ago, among hundreds.
  void Step();

  // Work that models have for a thread of the caller's; each piece is answered once. Call it about
  // as often as Step(), and for each length on a thread of its own, so that none of the short work
  // waits for the long. Jobs run one after the other or at once, and none needs to run: then the
  // state they would renew stays as it is.
  std::vector<BackgroundJob> TakeBackgroundJobs(WorkLength length);
  // Of both lengths.
  std::vector<BackgroundJob> TakeBackgroundJobs();

  // What follows keeps a router beyond its process; see router_state.h.

  // Gives a declared model back what a former router held of it: nodes, leases and what was
  // learned. Until its contribution is given back too, a lease adds to the residency what the prior
  // predicts. Limits on nodes and leases hold for new ones alone: what was acknowledged stays.
  // Leases live for one whole time to live from now. Nodes that sent heartbeats take
  // placements on own counts for node_timeout; one that is silent until then is lost. Observers
  // hear nothing. FAILED_PRECONDITION if the model is declared with another geometry, or has nodes
  // already.
  absl::StatusOr<RestoreResult> Restore(ModelRecord record);
  // Gives restored leases their contributions, and answers how many took theirs; the others have
  // ended, or learned better since. Holds the model's lock for some microseconds for each.
  absl::StatusOr<std::size_t> RestoreContributions(
      absl::string_view model, absl::Span<const ContributionRecord> contributions);
  // New leases get ids above `last`. REQUIRES: no call on leases yet.
  void ContinueLeaseIds(std::uint64_t last);
  // The whole book of a model, and its digest: for whoever applies its changes elsewhere, and wants
  // to know whether that came to the same. Both hold the model's lock while they read every
  // contribution and hazard, a millisecond for some hundred leases.
  absl::StatusOr<BookSnapshot> SnapshotBook(absl::string_view model) const;
  absl::StatusOr<std::uint64_t> DigestBook(absl::string_view model) const;
  // The nodes and leases of a model as they stand. Holds the model's lock in proportion to its
  // leases, some milliseconds for 100,000.
  absl::StatusOr<ModelRecord> CopyModel(absl::string_view model) const;
  // The contributions of those of the requests that hold leases.
  absl::StatusOr<std::vector<ContributionRecord>> CopyContributions(
      absl::string_view model, absl::Span<const std::string> request_ids) const;
  // What a model's prior has learned, alone.
  absl::StatusOr<ActivationPrior::Learned> CopyPrior(absl::string_view model) const;
  // What a model has learned. `versions` is what the last copy left there, and is brought up to
  // date.
  absl::StatusOr<LearnedRecord> CopyLearned(absl::string_view model,
                                            LearnedVersions& versions) const;

  const Options& options() const { return options_; }

 private:
  Router(Options options, const Clock& clock, RouterObserver& observer);
  absl::StatusOr<bool> Declare(const ModelSpec& spec, std::size_t most_models);
  // NOT_FOUND, naming the model, if it is not declared.
  absl::StatusOr<ModelRouter*> FindModel(absl::string_view name) const;
  absl::StatusOr<ModelRouter*> FindModelOfNode(absl::string_view node_id) const;
  // The same for a call with a guard, OK if that lets it. REQUIRES: the id is locked.
  absl::StatusOr<ModelRouter*> FindGuarded(absl::string_view node_id, NodeGuard guard) const;
  // nullptr if the id is not registered.
  ModelRouter* OwnerOf(absl::string_view node_id) const ABSL_LOCKS_EXCLUDED(nodes_mutex_);
  // Takes nodes that the model has forgotten off nodes_.
  void DropForgotten(ModelRouter& model);

  const Options options_;
  const Clock& clock_;
  RouterObserver& observer_;
  std::atomic<std::uint64_t> next_lease_id_;

  // No lock but a node id's is held while a model's is waited for, so that a busy model holds up
  // none but its own calls.
  Mutex declare_mutex_;  // one declaration at a time
  ModelIndex models_;
  // Held over both steps of a registration or a removal: at the model, and in nodes_. So an id
  // cannot be registered and removed at once, or for two models.
  NodeIdLocks node_locks_;
  mutable Mutex nodes_mutex_;
  // Which model each registered node id belongs to; ids that a model has just forgotten too.
  absl::flat_hash_map<std::string, ModelRouter*> nodes_ ABSL_GUARDED_BY(nodes_mutex_);
};

}  // namespace eldr

#endif  // ELDR_CORE_ROUTE_ROUTER_H_

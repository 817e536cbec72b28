#include "bench/micro/loaded_fleet.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace eldr {
namespace {

// More than are ever live at once besides the standing load.
constexpr std::size_t kInTurn = 4096;
// Receipts and leases have been through their rings by then.
constexpr std::size_t kWarmUp = 5000;

std::string NodeId(std::size_t number) {
  return absl::StrCat("decode-node-", number, ".cluster.local");
}

}  // namespace

ModelGeometry BenchGeometry() { return {kBenchLayers, kBenchExperts, kBenchTopK, {}}; }

LoadedFleet::LoadedFleet(const Shape& shape)
    : shape_(shape),
      signatures_(MakeSignatures(BenchGeometry(), shape.form, shape.signatures, shape.seed)) {
  Router::Options options;
  options.seed = shape.seed;
  router_ = Router::Create(options, RealClock(), observer_).value();
  ModelSpec spec = {kBenchModel, BenchGeometry(), {}};
  spec.settings.policy = shape.policy;
  spec.settings.shadow_policy = shape.shadow_policy;
  if (absl::StartsWith(shape.policy, "locality_band") ||
      absl::StartsWith(shape.shadow_policy, "locality_band")) {
    spec.settings.locality_band.profile = std::make_shared<const Profile>(
        Profile{CountTransform(kBenchLayers, kBenchExperts),
                MakeCentroids(BenchGeometry(), shape.nodes, shape.seed), ""});
  }
  router_->DeclareModel(spec).value();
  for (std::size_t i = 0; i < shape.nodes; ++i) RegisterNode(i);
  RunBackgroundJobs();
  for (std::size_t i = 0; i < shape.nodes * shape.leases_per_node + kInTurn; ++i) {
    ids_.push_back(absl::StrCat("chatcmpl-8d2f64c0-request-", i));
  }
  for (std::size_t i = 0; i < shape.nodes * shape.leases_per_node; ++i) Place();
  for (std::size_t i = 0; i < kWarmUp; ++i) {
    Place();
    Release();
  }
}

LoadedFleet::~LoadedFleet() = default;

void LoadedFleet::RunBackgroundJobs() {
  for (BackgroundJob& job : router_->TakeBackgroundJobs()) {
    job.Run();
    job.Publish();
  }
}

void LoadedFleet::RegisterNode(std::size_t number) {
  NodeSpec node;
  node.node_id = NodeId(number);
  node.model = kBenchModel;
  node.address = absl::StrCat("10.1.", number / 256, ".", number % 256, ":8000");
  router_->RegisterNode(node).value();
}

void LoadedFleet::ReplaceANode() {
  router_->RemoveNode(NodeId(replaced_)).value();
  RegisterNode(shape_.nodes + replaced_++);
}

void LoadedFleet::ToggleANode() {
  const std::string node_id = NodeId(0);
  if (std::exchange(draining_, !draining_)) {
    router_->UndrainNode(node_id).value();
  } else {
    router_->DrainNode(node_id).value();
  }
}

void LoadedFleet::Place() {
  PlacementQuery query;
  query.model = kBenchModel;
  query.request_id = ids_[placed_ % ids_.size()];
  query.signature = signatures_[placed_ % signatures_.size()].Data(shape_.form);
  query.context_tokens = 512;
  query.max_output_tokens = 256;
  router_->Place(query).value();
  ++placed_;
}

void LoadedFleet::Release() {
  LeaseRelease release;
  release.lease = {kBenchModel, ids_[released_ % ids_.size()], 0};
  router_->Release(release).value();
  ++released_;
}

}  // namespace eldr

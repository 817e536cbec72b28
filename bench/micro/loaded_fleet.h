// A router in the middle of its work, to place and release on.
#ifndef ELDR_BENCH_MICRO_LOADED_FLEET_H_
#define ELDR_BENCH_MICRO_LOADED_FLEET_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/route/router.h"
#include "tools/replay/made_signatures.h"

namespace eldr {

// The model that all figures are for.
inline constexpr std::uint32_t kBenchLayers = 48;
inline constexpr std::uint32_t kBenchExperts = 128;
inline constexpr std::uint32_t kBenchTopK = 8;
inline constexpr char kBenchModel[] = "bench";
ModelGeometry BenchGeometry();

// One model of 48 layers x 128 experts, its nodes holding `leases_per_node` leases each in the
// mean, which have come and gone for long enough that no buffer grows any more. Not thread-safe,
// but two may share a router.
class LoadedFleet {
 public:
  struct Shape {
    std::string policy = "residency";
    std::string shadow_policy;  // empty: none
    std::size_t nodes = 16;
    SignatureForm form = SignatureForm::kDense;
    std::size_t leases_per_node = 8;
    std::size_t signatures = 64;  // different ones, in turn
    std::uint64_t seed = 1;
  };
  explicit LoadedFleet(const Shape& shape);
  ~LoadedFleet();
  LoadedFleet(const LoadedFleet&) = delete;
  LoadedFleet& operator=(const LoadedFleet&) = delete;

  // Places the next request, its signature inline in the query.
  void Place();
  // Releases the request that was placed the longest ago.
  void Release();

  // Runs what the policy has for the background.
  void RunBackgroundJobs();
  // Drains a node, or ends its drain: a changed fleet.
  void ToggleANode();
  // Removes the node that is there the longest, with its leases, and registers a new one. Another
  // thread may place and release meanwhile.
  void ReplaceANode();

  Router& router() { return *router_; }

 private:
  void RegisterNode(std::size_t number);

  const Shape shape_;
  RouterObserver observer_;
  std::unique_ptr<Router> router_;
  std::vector<MadeSignature> signatures_;
  std::vector<std::string> ids_;  // used again in turn
  bool draining_ = false;         // the node that is toggled
  std::size_t replaced_ = 0;      // so many of the nodes there were
  std::size_t placed_ = 0;
  std::size_t released_ = 0;
};

}  // namespace eldr

#endif  // ELDR_BENCH_MICRO_LOADED_FLEET_H_

// The leases of a router, counted by others than itself.
#ifndef ELDR_TESTS_FUZZ_LEASE_BOOKS_H_
#define ELDR_TESTS_FUZZ_LEASE_BOOKS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/route/router.h"
#include "tests/fuzz/fuzz_check.h"

namespace eldr {

// The live leases as the observer is told of them.
class LeaseBooks final : public RouterObserver {
 public:
  void OnLeasePlaced(absl::string_view, const Lease& lease) override { Begin(lease); }
  void OnLeaseAdopted(absl::string_view, const Lease& lease) override { Begin(lease); }
  void OnLeaseEnded(absl::string_view, const Lease& lease, LeaseEnd) override {
    FUZZ_CHECK(live_.erase(lease.id) == 1);
  }
  std::size_t live() const { return live_.size(); }

 private:
  void Begin(const Lease& lease) { FUZZ_CHECK(live_.insert({lease.id, lease.request_id}).second); }
  std::map<std::uint64_t, std::string> live_;
};

// The router, its nodes and what its observer was told agree on every lease, and no node adds to
// its residency what it does not hold.
inline void CheckBooks(const Router& router, const LeaseBooks& books) {
  std::size_t leases_in_all = 0;
  for (const ModelDescription& model : router.ListModels()) {
    const std::string& name = model.spec.name;
    const ModelRecord copy = router.CopyModel(name).value();
    FUZZ_CHECK(copy.leases.size() == model.leases);
    leases_in_all += copy.leases.size();
    struct Sums {
      std::uint32_t leases = 0;
      std::uint32_t sequences = 0;
      std::uint64_t kv_tokens = 0;
    };
    std::map<std::string, Sums> on;
    for (const LeaseRecord& lease : copy.leases) {
      Sums& sums = on[lease.node_id];
      ++sums.leases;
      sums.sequences += lease.sequences;
      sums.kv_tokens += lease.kv_tokens;
    }
    std::size_t found = 0;
    const std::vector<NodeStatus> nodes = router.ListNodes(name).value();
    for (const NodeStatus& node : nodes) {
      const auto sums = on.find(node.spec.node_id);
      const Sums expected = sums == on.end() ? Sums{} : sums->second;
      found += expected.leases;
      FUZZ_CHECK(node.leases == expected.leases);
      FUZZ_CHECK(node.kv_tokens == expected.kv_tokens);
      FUZZ_CHECK(node.load >= expected.sequences);
      FUZZ_CHECK(node.state == NodeState::kReady || node.state == NodeState::kLostInPanic ||
                 node.leases == 0);
      const Residency residency = router.GetResidency(node.spec.node_id).value();
      for (const float chance : residency.activation) {
        FUZZ_CHECK(chance >= 0 && chance <= 1 && (residency.leases > 0 || chance == 0));
      }
    }
    FUZZ_CHECK(found == copy.leases.size());
  }
  FUZZ_CHECK(leases_in_all == books.live());
}

}  // namespace eldr

#endif  // ELDR_TESTS_FUZZ_LEASE_BOOKS_H_

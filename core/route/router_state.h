// What of a router outlives its process, as plain data.
//
// A store outside of core keeps it: it hears of changes by the RouterObserver, reads what it missed
// by Router::CopyModel, Router::CopyContributions and Router::CopyLearned, and gives all of it back
// to a new router by Router::Restore and Router::RestoreContributions.
//
// What is not kept: signatures that wait to be placed, what nodes reported, renewals, receipts.
#ifndef ELDR_CORE_ROUTE_ROUTER_STATE_H_
#define ELDR_CORE_ROUTE_ROUTER_STATE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/books/records.h"
#include "core/model/model_geometry.h"
#include "core/policy/policy.h"
#include "core/signature/activation_prior.h"

namespace eldr {

// What a model has learned from its traffic.
struct LearnedRecord {
  ActivationPrior::Learned prior;
  std::vector<GroupSteps> step_times;  // of the groups that have reported any
  // Of the policy and of its shadow, if they learn. Left out of a copy if unchanged since the last.
  std::optional<PolicyMemory> policy;
  std::optional<PolicyMemory> shadow;
};

// Which states of the policies' memories were copied already; see Policy::memory_version.
struct LearnedVersions {
  std::uint64_t policy = 0;
  std::uint64_t shadow = 0;
};

struct ModelRecord {
  std::string name;
  ModelGeometry geometry;
  std::string policy;
  std::vector<NodeRecord> nodes;    // in the order of their registration
  std::vector<LeaseRecord> leases;  // in any order
  std::optional<LearnedRecord> learned;
  // The last change of the model's book that it knows.
  std::uint64_t change = 0;
};

}  // namespace eldr

#endif  // ELDR_CORE_ROUTE_ROUTER_STATE_H_

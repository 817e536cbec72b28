// What happens to a model's leases and nodes, as values that can be kept, sent and applied again.
#ifndef ELDR_CORE_BOOKS_CHANGE_H_
#define ELDR_CORE_BOOKS_CHANGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/books/records.h"
#include "core/step_time/step_stats.h"

namespace eldr {

enum class LeaseOrigin : std::uint8_t {
  kPlaced,   // the request held no lease
  kMoved,    // it held one, which ends as moved: a single change, so that nothing comes between
  kAdopted,  // its node named it in a complete list
};

// A request gets a lease.
struct LeaseStarted {
  LeaseOrigin origin = LeaseOrigin::kPlaced;
  LeaseRecord lease = {};
  std::vector<std::uint8_t> codes = {};  // its contribution
};

// What is known of a leased request's signature changes, and with it what the lease adds.
struct LeaseUpdated {
  LeaseRecord lease = {};  // of which only the ids and what concerns the signature are read
  std::vector<std::uint8_t> codes = {};
};

struct LeaseRenewed {
  std::uint64_t lease_id = 0;
  std::string request_id;
  absl::Duration ttl;  // from the change on
};

struct LeaseFinished {
  std::uint64_t lease_id = 0;
  std::string request_id;
  LeaseEnd end = LeaseEnd::kReleased;  // any but kMoved
};

// A process registers a node: a new one, the successor of one that has the id, or one that is known
// already and changes its particulars. Which of them, follows from the book.
struct NodeRegistered {
  NodeSpec spec;
  absl::Time time;
};

// A node is heard, and what it tells of its load, its steps and its requests.
struct NodeReported {
  std::string node_id;
  // Requests that it runs: the leases of those that hold one there are renewed. One change for all
  // of them, since a heartbeat may name thousands.
  std::vector<std::string> running_requests = {};
  std::uint32_t running = 0;
  std::uint32_t queued = 0;
  std::optional<double> kv_usage = {};
  std::vector<StepStats> steps = {};
};

struct NodeDrained {
  std::string node_id;
  bool draining = false;
};

// The node takes no more requests, since its leases are ending.
struct NodeLeaving {
  std::string node_id;
};

// What follows them, once no lease is left.
struct NodeLost {
  std::string node_id;
};
struct NodeRemoved {
  std::string node_id;
};

// What a former process held, given to a book without nodes. Records that are not sound are left
// out.
struct BookRestored {
  std::vector<NodeRecord> nodes;    // in ascending order of ordinals
  std::vector<LeaseRecord> leases;  // in descending order of ids: of two of a request the newer is
                                    // the one that counts
  std::vector<GroupSteps> steps;
  // What each of the leases adds until its own contribution follows.
  std::vector<std::uint8_t> stand_in;
};

struct ContributionRestored {
  ContributionRecord contribution;
};

// One change of a model's book. A plain value: to apply a book's changes in the order of their
// numbers to another one makes that the same.
struct Change {
  // 1 for the first; without holes.
  std::uint64_t number = 0;
  // When it took effect, on the clock of the book that it was made for.
  MonotonicTime at = {};
  std::variant<LeaseStarted, LeaseUpdated, LeaseRenewed, LeaseFinished, NodeRegistered,
               NodeReported, NodeDrained, NodeLeaving, NodeLost, NodeRemoved, BookRestored,
               ContributionRestored>
      what;
};

}  // namespace eldr

#endif  // ELDR_CORE_BOOKS_CHANGE_H_

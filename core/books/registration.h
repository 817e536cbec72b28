// Who may register under which node id.
#ifndef ELDR_CORE_BOOKS_REGISTRATION_H_
#define ELDR_CORE_BOOKS_REGISTRATION_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/fleet/decode_node.h"

namespace eldr {

// What a registration comes to.
enum class Registration : std::uint8_t {
  kNew,        // nobody has the id
  kSuccessor,  // another process had it, whose leases end
  kKnown,      // the same process, perhaps with other particulars
};

// True if nobody hears of the node any more, so that any process may take its id.
bool IsAbsent(const DecodeNode& node, absl::Duration node_timeout, MonotonicTime now);

// What it comes to if `spec` registers under the id that `node` has. FAILED_PRECONDITION or
// ALREADY_EXISTS, naming node.incarnation or node.node_id and what to do, if it may not.
absl::StatusOr<Registration> CheckRegistration(const DecodeNode& node, const NodeSpec& spec,
                                               absl::Duration node_timeout, MonotonicTime now);

// ALREADY_EXISTS if the node, of another model, is heard and so keeps its id.
absl::Status CheckGivesWay(const DecodeNode& node, absl::Duration node_timeout, MonotonicTime now);

}  // namespace eldr

#endif  // ELDR_CORE_BOOKS_REGISTRATION_H_

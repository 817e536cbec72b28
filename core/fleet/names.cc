#include "core/base/enum_name.h"
#include "core/fleet/decode_node.h"
#include "core/fleet/lease.h"

namespace eldr {

absl::string_view Name(NodeState state) {
  return EnumName({"joining", "ready", "lost", "lost_in_panic"}, state);
}

absl::string_view Name(LeaseEnd end) {
  return EnumName({"released", "reported_finished", "expired", "moved", "node_lost", "node_removed",
                   "unconfirmed"},
                  end);
}

}  // namespace eldr

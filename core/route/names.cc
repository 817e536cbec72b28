#include "core/base/enum_name.h"
#include "core/route/placement.h"
#include "core/route/router.h"

namespace eldr {

absl::string_view Name(PlacementReason reason) {
  return EnumName({"policy", "existing_lease", "moved", "panic_mode", "kv_pressure"}, reason);
}

absl::string_view Name(SignatureQuality quality) {
  return EnumName({"full", "partial", "missing"}, quality);
}

absl::string_view Name(LoadBasis basis) { return EnumName({"reported", "own_count"}, basis); }

absl::string_view Name(Ineligible reason) {
  return EnumName({"joining", "draining", "lost", "capacity", "kv_capacity", "kv_usage", "query"},
                  reason);
}

absl::string_view Name(LeaseOutcome outcome) {
  return EnumName({"done", "not_held", "stale"}, outcome);
}

}  // namespace eldr

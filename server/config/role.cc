#include "server/config/role.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"

namespace eldr {

absl::string_view Name(Role role) {
  switch (role) {
    case Role::kPrefill:
      return "prefill";
    case Role::kDecode:
      return "decode";
    case Role::kFrontend:
      return "frontend";
    case Role::kAdmin:
      return "admin";
    case Role::kRead:
      return "read";
  }
  return "unknown";
}

std::string RoleSet::ToString(absl::string_view conjunction) const {
  std::vector<absl::string_view> names;
  for (std::size_t i = 0; i < kRoles; ++i) {
    if (Has(static_cast<Role>(i))) names.push_back(Name(static_cast<Role>(i)));
  }
  if (names.empty()) return "none";
  if (names.size() == 1) return std::string(names[0]);
  const absl::Span<const absl::string_view> but_last(names.data(), names.size() - 1);
  return absl::StrCat(absl::StrJoin(but_last, ", "), " ", conjunction, " ", names.back());
}

}  // namespace eldr

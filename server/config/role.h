// Roles of callers.
#ifndef ELDR_SERVER_CONFIG_ROLE_H_
#define ELDR_SERVER_CONFIG_ROLE_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "absl/strings/string_view.h"
namespace eldr {

// What a credential makes of its bearer; config/eldrd.yaml describes each.
enum class Role : std::uint8_t { kPrefill, kDecode, kFrontend, kAdmin, kRead };
inline constexpr std::size_t kRoles = 5;
absl::string_view Name(Role role);

class RoleSet {
 public:
  constexpr RoleSet() = default;
  constexpr RoleSet(std::initializer_list<Role> roles) {
    for (const Role role : roles) bits_ |= Bit(role);
  }
  static constexpr RoleSet All() {
    return {Role::kPrefill, Role::kDecode, Role::kFrontend, Role::kAdmin, Role::kRead};
  }

  constexpr bool empty() const { return bits_ == 0; }
  constexpr bool Has(Role role) const { return (bits_ & Bit(role)) != 0; }
  constexpr bool Meets(RoleSet other) const { return (bits_ & other.bits_) != 0; }
  constexpr void Add(RoleSet other) { bits_ |= other.bits_; }

  // "prefill or admin"; `conjunction` is what stands before the last.
  std::string ToString(absl::string_view conjunction) const;

 private:
  static constexpr unsigned Bit(Role role) { return 1u << static_cast<unsigned>(role); }
  unsigned bits_ = 0;
};

}  // namespace eldr

#endif  // ELDR_SERVER_CONFIG_ROLE_H_

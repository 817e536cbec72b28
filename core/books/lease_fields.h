// What the fields of a lease may be.
#ifndef ELDR_CORE_BOOKS_LEASE_FIELDS_H_
#define ELDR_CORE_BOOKS_LEASE_FIELDS_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/range.h"

namespace eldr {

inline constexpr Range<absl::Duration> kLeaseTtlRange = {absl::Seconds(1), absl::Hours(1)};

// INVALID_ARGUMENT, naming the field, if it is out of range; a ttl that is not given is not.
absl::Status ValidateRequestId(absl::string_view request_id);
absl::Status ValidateLeaseTtl(std::optional<absl::Duration> ttl);

}  // namespace eldr

#endif  // ELDR_CORE_BOOKS_LEASE_FIELDS_H_

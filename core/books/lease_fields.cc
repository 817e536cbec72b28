#include "core/books/lease_fields.h"

#include "absl/strings/str_cat.h"

namespace eldr {
namespace {

constexpr std::size_t kMaxRequestIdBytes = 256;

}  // namespace

absl::Status ValidateRequestId(absl::string_view request_id) {
  if (!request_id.empty() && request_id.size() <= kMaxRequestIdBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("request_id: got ", request_id.size(),
                                                 " bytes, expected 1 to ", kMaxRequestIdBytes));
}

absl::Status ValidateLeaseTtl(std::optional<absl::Duration> ttl) {
  return ttl ? CheckRange("lease_ttl", *ttl, kLeaseTtlRange) : absl::OkStatus();
}

}  // namespace eldr

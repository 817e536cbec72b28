#include "core/base/limit_exceeded.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"

namespace eldr {
namespace {

constexpr char kLimit[] = "eldr/limit";

absl::Status Exhausted(absl::string_view limit, absl::string_view message) {
  absl::Status status = absl::ResourceExhaustedError(message);
  status.SetPayload(kLimit, absl::Cord(limit));
  return status;
}

}  // namespace

absl::Status LimitExceeded(absl::string_view limit, absl::string_view message) {
  return Exhausted(limit, absl::StrCat("limits.", limit, ": ", message));
}

absl::Status NodeCapacityExceeded(absl::string_view message) {
  return Exhausted("node_capacity", message);
}

std::string LimitOf(const absl::Status& status) {
  if (!absl::IsResourceExhausted(status)) return "";
  const absl::optional<absl::Cord> limit = status.GetPayload(kLimit);
  return limit.has_value() ? std::string(*limit) : "";
}

}  // namespace eldr

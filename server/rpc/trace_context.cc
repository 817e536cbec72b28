#include "server/rpc/trace_context.h"

#include <algorithm>
#include <iterator>

namespace eldr {
namespace {

// version "-" trace id "-" parent id "-" flags
constexpr std::size_t kTraceAt = 3, kTraceDigits = 32;
constexpr std::size_t kParentAt = kTraceAt + kTraceDigits + 1, kParentDigits = 16;
constexpr std::size_t kFlagsAt = kParentAt + kParentDigits + 1;
constexpr std::size_t kBytes = kFlagsAt + 2;
// A later version may say more behind a further "-", but not without end.
constexpr std::size_t kMostBytes = 256;

bool IsHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsZero(absl::string_view text) {
  return text.find_first_not_of('0') == absl::string_view::npos;
}

}  // namespace

absl::string_view TraceIdOf(absl::string_view traceparent) {
  const std::size_t bytes = traceparent.size();
  if (bytes < kBytes || bytes > kMostBytes) return {};
  const absl::string_view version = traceparent.substr(0, 2);
  const absl::string_view trace = traceparent.substr(kTraceAt, kTraceDigits);
  const absl::string_view parent = traceparent.substr(kParentAt, kParentDigits);
  const bool in_place = traceparent[kTraceAt - 1] == '-' && traceparent[kParentAt - 1] == '-' &&
                        traceparent[kFlagsAt - 1] == '-';
  const bool ends = bytes == kBytes || (version != "00" && traceparent[kBytes] == '-');
  if (!in_place || !ends || !IsHex(version) || version == "ff" || !IsHex(trace) || IsZero(trace) ||
      !IsHex(parent) || IsZero(parent) || !IsHex(traceparent.substr(kFlagsAt, 2))) {
    return {};
  }
  return trace;
}

absl::string_view TraceIdOf(const grpc::ServerContextBase& rpc) {
  const auto [first, last] = rpc.client_metadata().equal_range("traceparent");
  if (first == last || std::next(first) != last) return {};
  return TraceIdOf(absl::string_view(first->second.data(), first->second.size()));
}

}  // namespace eldr

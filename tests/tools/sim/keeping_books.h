// A backend that keeps books over what a simulation asks of the one below.
#ifndef ELDR_TESTS_TOOLS_SIM_KEEPING_BOOKS_H_
#define ELDR_TESTS_TOOLS_SIM_KEEPING_BOOKS_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "tools/sim/forwarding_backend.h"

namespace eldr::sim {

// Refuses time that goes back, a request released twice, and one released that was not placed.
class KeepingBooks final : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;

  // By request id.
  const std::map<std::string, std::string>& live() const { return live_; }
  const std::map<std::string, std::uint64_t>& released_tokens() const { return released_; }
  std::size_t moved() const { return moved_; }
  // Queries that no node could take.
  std::size_t refused() const { return refused_; }

  absl::StatusOr<std::optional<std::string>> Place(MonotonicTime now,
                                                   const replay::PlaceQuery& query) override {
    ELDR_RETURN_IF_ERROR(Advance(now));
    ELDR_ASSIGN_OR_RETURN(auto placed, ForwardingBackend::Place(now, query));
    if (!placed.has_value()) {
      ++refused_;
    } else {
      const std::string id(query.request_id);
      if (released_.contains(id)) return absl::InternalError(absl::StrCat(id, ": placed too late"));
      if (!live_.insert_or_assign(id, *placed).second) ++moved_;
    }
    return placed;
  }
  absl::Status Heartbeat(MonotonicTime now, const NodeReport& report) override {
    ELDR_RETURN_IF_ERROR(Advance(now));
    return ForwardingBackend::Heartbeat(now, report);
  }
  absl::Status Release(MonotonicTime now, absl::string_view request_id,
                       std::uint64_t output_tokens) override {
    ELDR_RETURN_IF_ERROR(Advance(now));
    const std::string id(request_id);
    if (live_.erase(id) == 0) return absl::InternalError(absl::StrCat(id, ": is not placed"));
    released_[id] = output_tokens;
    return ForwardingBackend::Release(now, request_id, output_tokens);
  }

 private:
  absl::Status Advance(MonotonicTime now) {
    if (now < now_) return absl::InternalError("time goes back");
    now_ = now;
    return absl::OkStatus();
  }

  MonotonicTime now_;
  std::map<std::string, std::string> live_;
  std::map<std::string, std::uint64_t> released_;
  std::size_t moved_ = 0;
  std::size_t refused_ = 0;
};

}  // namespace eldr::sim

#endif  // ELDR_TESTS_TOOLS_SIM_KEEPING_BOOKS_H_

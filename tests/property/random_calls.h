// Calls that can be sent again: all that they take, in memory of their own.
#ifndef ELDR_TESTS_PROPERTY_RANDOM_CALLS_H_
#define ELDR_TESTS_PROPERTY_RANDOM_CALLS_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "core/route/router.h"
#include "tests/core/test_signature.h"

namespace eldr {

// A few ids, and the pointers to them that queries and reports take.
class IdList {
 public:
  void Add(std::string id) { ids_.insert(std::move(id)); }
  const std::set<std::string>& ids() const { return ids_; }
  absl::Span<const std::string* const> View() {
    pointers_.clear();
    for (const std::string& id : ids_) pointers_.push_back(&id);
    return pointers_;
  }

 private:
  std::set<std::string> ids_;
  std::vector<const std::string*> pointers_;
};

struct PlaceCall {
  std::string request_id;
  std::uint32_t sequences = 1;
  std::uint64_t context_tokens = 0;
  std::uint64_t max_output_tokens = 0;
  IdList prefer, allow, exclude;
  std::optional<absl::Duration> lease_ttl;
  std::optional<TestSignature> signature;

  // Valid until the call changes.
  PlacementQuery Query(absl::string_view model);
};

struct PushCall {
  std::string request_id;
  TestSignature signature;
  bool sparse = false;
  bool append = false;
  std::optional<std::uint32_t> append_at;

  // Valid until the call changes.
  SignaturePush Push(absl::string_view model);
};

struct ReleaseCall {
  std::string request_id;
  std::uint64_t lease_id = 0;
};

// A call that was answered with success, and what it was answered.
struct PastCall {
  std::variant<PlaceCall, PushCall, ReleaseCall> call;
  std::uint64_t life = 0;      // of the request, after the call; see RouterBooks::LifeOf
  std::uint64_t lease_id = 0;  // of a placement, or that was released
  std::uint32_t tokens = 0;    // of a push
};

}  // namespace eldr

#endif  // ELDR_TESTS_PROPERTY_RANDOM_CALLS_H_

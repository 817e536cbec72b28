// Placements that wait for their signature, without holding a thread.
#ifndef ELDR_CORE_INTAKE_SIGNATURE_WAITS_H_
#define ELDR_CORE_INTAKE_SIGNATURE_WAITS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"

namespace eldr {

// Not thread-safe. Callbacks are handed out, never called here, so that they run without a lock.
class SignatureWaits {
 public:
  using Callback = absl::AnyInvocable<void()>;

  // Answers an id, never 0.
  std::uint64_t Add(absl::string_view request_id, Callback callback);
  // True if the wait was there.
  bool Cancel(std::uint64_t id);
  // Takes the callbacks of all that wait for this request.
  std::vector<Callback> Take(absl::string_view request_id);

 private:
  struct Wait {
    std::uint64_t id;
    Callback callback;
  };
  std::uint64_t last_id_ = 0;
  absl::flat_hash_map<std::string, std::vector<Wait>> by_request_;
  absl::flat_hash_map<std::uint64_t, std::string> request_of_;
};

}  // namespace eldr

#endif  // ELDR_CORE_INTAKE_SIGNATURE_WAITS_H_

// Signatures that wait for their request to be placed.
#ifndef ELDR_CORE_SIGNATURE_SIGNATURE_STORE_H_
#define ELDR_CORE_SIGNATURE_SIGNATURE_STORE_H_

#include <cstddef>
#include <list>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/clock.h"
#include "core/signature/expert_signature.h"

namespace eldr {

struct StoredSignature {
  std::string request_id;
  std::string prefill_worker;
  ExpertSignature signature;
  MonotonicTime pushed_at;
  bool appended = false;  // chunks of it have come
};

// Keeps each signature for `ttl` since its last push, and all of them within `max_bytes`; the one
// that was pushed longest ago goes first. Not thread-safe.
class SignatureStore {
 public:
  SignatureStore(absl::Duration ttl, std::size_t max_bytes) : ttl_(ttl), max_bytes_(max_bytes) {}

  // Stores or replaces. Answers how many others had to go for the byte bound; a signature that is
  // larger than the bound is stored alone.
  std::size_t Put(StoredSignature stored);
  // The stored signature of a request, or nullptr. Valid until the next call that changes the
  // store.
  const StoredSignature* Find(absl::string_view request_id) const;
  void Erase(absl::string_view request_id);

  // Drops what is older than the ttl, and answers how many that were.
  std::size_t Expire(MonotonicTime now);
  // When Expire will next have something to do; InfiniteDuration if the store is empty.
  MonotonicTime next_expiry() const;

  std::size_t size() const { return by_request_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  using Entries = std::list<StoredSignature>;  // oldest push first
  static std::size_t BytesOf(const StoredSignature& stored);
  void Drop(Entries::iterator entry);

  const absl::Duration ttl_;
  const std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  Entries entries_;
  absl::flat_hash_map<std::string, Entries::iterator> by_request_;
};

}  // namespace eldr

#endif  // ELDR_CORE_SIGNATURE_SIGNATURE_STORE_H_

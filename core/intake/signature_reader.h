// Makes signatures of what pushes and queries bring.
#ifndef ELDR_CORE_INTAKE_SIGNATURE_READER_H_
#define ELDR_CORE_INTAKE_SIGNATURE_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/base/mutex.h"
#include "core/intake/push.h"
#include "core/model/model_geometry.h"
#include "core/prefix/block_signature_store.h"
#include "core/signature/expert_signature.h"
#include "core/signature/spare_signatures.h"

namespace eldr {

// Checks counts and adds to them those of cached blocks, which it keeps by prefill worker. It takes
// no lock of its model's: that is held neither while thousands of numbers are checked nor while
// thousands of blocks are updated. Thread-safe.
class SignatureReader {
 public:
  SignatureReader(const ModelGeometry& geometry, std::size_t block_store_bytes)
      : geometry_(geometry), blocks_(geometry, block_store_bytes) {}

  // The signature, with what is known of the blocks; none if nothing is. INVALID_ARGUMENT, naming
  // the field, if the counts or the blocks are not sound.
  absl::StatusOr<std::optional<ExpertSignature>> Read(const std::optional<SignatureData>& signature,
                                                      const std::optional<PromptBlocks>& blocks,
                                                      absl::string_view prefill_worker)
      ABSL_LOCKS_EXCLUDED(blocks_mutex_);
  // Takes back a signature that nobody needs, for its memory.
  void GiveBack(ExpertSignature signature) { spares_.Give(std::move(signature)); }

  // INVALID_ARGUMENT, naming the field, with nothing changed, if any part of it is not sound.
  absl::StatusOr<BlockUpdateResult> UpdateBlocks(const BlockUpdate& update)
      ABSL_LOCKS_EXCLUDED(blocks_mutex_);

  struct Stored {
    std::uint64_t blocks = 0;  // of all prefill workers
    std::uint64_t bytes = 0;
    BlockSignatureStore::Counters counters;
  };
  Stored stored() const ABSL_LOCKS_EXCLUDED(blocks_mutex_);

 private:
  const ModelGeometry geometry_;
  SpareSignatures spares_;
  mutable Mutex blocks_mutex_;
  BlockSignatureStore blocks_ ABSL_GUARDED_BY(blocks_mutex_);
};

// INVALID_ARGUMENT, naming the field, if it is out of range.
absl::Status ValidatePrefillWorker(absl::string_view prefill_worker, std::size_t least_bytes);

}  // namespace eldr

#endif  // ELDR_CORE_INTAKE_SIGNATURE_READER_H_

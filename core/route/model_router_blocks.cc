// Signatures of KV blocks: ModelRouter's store of them, and what it completes.
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/route/model_router.h"

namespace eldr {
namespace {

absl::StatusOr<std::vector<BlockRow>> ParseRows(const std::vector<StoredBlock>& blocks,
                                                const ModelGeometry& geometry) {
  std::vector<BlockRow> rows;
  rows.reserve(blocks.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto field = absl::StrCat("stored[", i, "]");
    ELDR_RETURN_IF_ERROR(CheckBlockHash(blocks[i].hash, absl::StrCat(field, ".hash")));
    if (blocks[i].signature.prompt_tokens) {
      return absl::InvalidArgumentError(absl::StrCat(field, ".signature.prompt_tokens: got ",
                                                     *blocks[i].signature.prompt_tokens,
                                                     ", expected none: a block is no prompt"));
    }
    ELDR_ASSIGN_OR_RETURN(
        const ExpertSignature signature,
        ExpertSignature::Parse(blocks[i].signature, geometry, absl::StrCat(field, ".signature")));
    rows.emplace_back(signature, geometry);
  }
  return rows;
}

}  // namespace

absl::StatusOr<BlockUpdateResult> ModelRouter::UpdateBlocks(const BlockUpdate& update) {
  ELDR_RETURN_IF_ERROR(ValidatePrefillWorker(update.prefill_worker, 1));
  for (std::size_t i = 0; i < update.removed.size(); ++i) {
    ELDR_RETURN_IF_ERROR(CheckBlockHash(*update.removed[i], absl::StrCat("removed[", i, "]")));
  }
  // Parsed and packed before anything changes, and without the lock.
  ELDR_ASSIGN_OR_RETURN(std::vector<BlockRow> rows, ParseRows(update.stored, spec_.geometry));
  MutexLock lock(blocks_mutex_);
  if (update.cleared) blocks_.Clear(update.prefill_worker);
  for (const std::string* const hash : update.removed) {
    blocks_.Remove(update.prefill_worker, *hash);
  }
  BlockUpdateResult result;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    result.evicted +=
        blocks_.Store(update.prefill_worker, update.stored[i].hash, std::move(rows[i]));
  }
  result.blocks = blocks_.blocks(update.prefill_worker);
  result.bytes = blocks_.bytes();
  return result;
}

absl::StatusOr<std::optional<ExpertSignature>> ModelRouter::Bring(
    const std::optional<SignatureData>& data, const std::optional<PromptBlocks>& blocks,
    absl::string_view prefill_worker) {
  std::optional<ExpertSignature> signature;
  if (data) {
    ELDR_ASSIGN_OR_RETURN(signature, ExpertSignature::Parse(*data, spec_.geometry, "signature",
                                                            spare_signatures_.Take()));
  }
  if (!blocks) return signature;
  MutexLock lock(blocks_mutex_);
  ELDR_ASSIGN_OR_RETURN(Composition composition,
                        blocks_.Compose(prefill_worker, blocks->hashes, blocks->prompt_tokens,
                                        signature ? &*signature : nullptr));
  return std::move(composition.signature);
}

}  // namespace eldr

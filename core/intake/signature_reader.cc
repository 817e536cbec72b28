#include "core/intake/signature_reader.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace eldr {
namespace {

constexpr std::size_t kMaxWorkerBytes = 256;

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

absl::StatusOr<BlockUpdateResult> SignatureReader::UpdateBlocks(const BlockUpdate& update) {
  ELDR_RETURN_IF_ERROR(ValidatePrefillWorker(update.prefill_worker, 1));
  for (std::size_t i = 0; i < update.removed.size(); ++i) {
    ELDR_RETURN_IF_ERROR(CheckBlockHash(*update.removed[i], absl::StrCat("removed[", i, "]")));
  }
  // Parsed and packed before anything changes, and without the lock.
  ELDR_ASSIGN_OR_RETURN(std::vector<BlockRow> rows, ParseRows(update.stored, geometry_));
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

absl::StatusOr<std::optional<ExpertSignature>> SignatureReader::Read(
    const std::optional<SignatureData>& data, const std::optional<PromptBlocks>& blocks,
    absl::string_view prefill_worker) {
  std::optional<ExpertSignature> signature;
  if (data) {
    ELDR_ASSIGN_OR_RETURN(signature,
                          ExpertSignature::Parse(*data, geometry_, "signature", spares_.Take()));
  }
  if (!blocks) return signature;
  MutexLock lock(blocks_mutex_);
  ELDR_ASSIGN_OR_RETURN(Composition composition,
                        blocks_.Compose(prefill_worker, blocks->hashes, blocks->prompt_tokens,
                                        signature ? &*signature : nullptr));
  return std::move(composition.signature);
}

SignatureReader::Stored SignatureReader::stored() const {
  MutexLock lock(blocks_mutex_);
  return {blocks_.blocks(), blocks_.bytes(), blocks_.counters()};
}

absl::Status ValidatePrefillWorker(absl::string_view prefill_worker, std::size_t least_bytes) {
  const std::size_t bytes = prefill_worker.size();
  if (bytes >= least_bytes && bytes <= kMaxWorkerBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("prefill_worker: got ", bytes, " bytes, expected ",
                                                 least_bytes == 0 ? "at most " : "1 to ",
                                                 kMaxWorkerBytes));
}

}  // namespace eldr

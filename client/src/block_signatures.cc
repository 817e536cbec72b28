#include "eldr/client/block_signatures.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "core/prefix/block_signature_store.h"
#include "eldr/client/signature_builder.h"

namespace eldr::client {
namespace {

// The store's key; there is one cache only.
constexpr absl::string_view kWorker = "self";

absl::StatusOr<CountWidth> WidthOf(const v1::DenseCounts& dense, absl::string_view field) {
  switch (dense.encoding()) {
    case v1::COUNT_ENCODING_UINT8:
      return CountWidth::k8;
    case v1::COUNT_ENCODING_UINT16:
      return CountWidth::k16;
    case v1::COUNT_ENCODING_UINT32:
      return CountWidth::k32;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat(field, ".dense.encoding: got ", static_cast<int>(dense.encoding()),
                       ", expected COUNT_ENCODING_UINT8, _UINT16 or _UINT32"));
  }
}

absl::StatusOr<ExpertSignature> Parse(const v1::ExpertSignature& signature,
                                      const ModelGeometry& geometry) {
  constexpr absl::string_view kField = "signature";
  SignatureData data;
  data.tokens = signature.tokens();
  if (signature.has_prompt_tokens()) data.prompt_tokens = signature.prompt_tokens();
  if (signature.has_dense()) {
    const absl::StatusOr<CountWidth> width = WidthOf(signature.dense(), kField);
    if (!width.ok()) return width.status();
    data.counts = SignatureData::Dense{*width, signature.dense().data()};
  } else if (signature.has_sparse()) {
    const v1::SparseCounts& sparse = signature.sparse();
    data.counts =
        SignatureData::Sparse{absl::MakeConstSpan(sparse.indices().data(),
                                                  static_cast<std::size_t>(sparse.indices_size())),
                              absl::MakeConstSpan(sparse.counts().data(),
                                                  static_cast<std::size_t>(sparse.counts_size()))};
  }
  return ExpertSignature::Parse(data, geometry, kField);
}

v1::ExpertSignature ToProto(const ExpertSignature& signature, std::size_t cells) {
  const std::vector<uint32_t> counts = signature.VisitCounts(
      [cells](const auto* kept) { return std::vector<uint32_t>(kept, kept + cells); });
  return EncodeCounts(counts, signature.tokens(), signature.prompt_tokens());
}

}  // namespace

struct BlockSignatures::State {
  State(const ModelGeometry& model, std::size_t max_bytes)
      : geometry(model), store(geometry, max_bytes) {}

  const ModelGeometry geometry;
  mutable absl::Mutex mutex;
  BlockSignatureStore store ABSL_GUARDED_BY(mutex);
};

absl::StatusOr<std::unique_ptr<BlockSignatures>> BlockSignatures::Create(
    const v1::ModelGeometry& geometry, Options options) {
  // Checks the geometry as builders do.
  const absl::StatusOr<SignatureBuilder> builder = SignatureBuilder::Create(geometry);
  if (!builder.ok()) return builder.status();
  if (options.max_bytes == 0) {
    return absl::InvalidArgumentError("max_bytes is 0, expected at least 1");
  }
  const ModelGeometry model = {geometry.layers(), geometry.experts(), geometry.top_k(), {}};
  return std::unique_ptr<BlockSignatures>(
      new BlockSignatures(std::make_unique<State>(model, options.max_bytes)));
}

BlockSignatures::BlockSignatures(std::unique_ptr<State> state) : state_(std::move(state)) {}

BlockSignatures::~BlockSignatures() = default;

absl::Status BlockSignatures::Store(absl::string_view hash, const v1::ExpertSignature& signature) {
  if (absl::Status status = CheckBlockHash(hash, "hash"); !status.ok()) return status;
  const absl::StatusOr<ExpertSignature> parsed = Parse(signature, state_->geometry);
  if (!parsed.ok()) return parsed.status();
  BlockRow row(*parsed, state_->geometry);
  absl::MutexLock lock(&state_->mutex);
  state_->store.Store(kWorker, hash, std::move(row));
  return absl::OkStatus();
}

void BlockSignatures::Remove(absl::string_view hash) {
  absl::MutexLock lock(&state_->mutex);
  state_->store.Remove(kWorker, hash);
}

void BlockSignatures::Clear() {
  absl::MutexLock lock(&state_->mutex);
  state_->store.Clear(kWorker);
}

absl::StatusOr<BlockSignatures::Composed> BlockSignatures::Compose(
    absl::Span<const absl::string_view> hashes, uint32_t prompt_tokens,
    const v1::ExpertSignature* fresh) {
  std::optional<ExpertSignature> parsed;
  if (fresh != nullptr) {
    absl::StatusOr<ExpertSignature> signature = Parse(*fresh, state_->geometry);
    if (!signature.ok()) return signature.status();
    parsed = *std::move(signature);
  }
  absl::StatusOr<Composition> composition = [&] {
    absl::MutexLock lock(&state_->mutex);
    return state_->store.Compose(kWorker, hashes, prompt_tokens, parsed ? &*parsed : nullptr);
  }();
  if (!composition.ok()) return composition.status();
  Composed composed;
  composed.known_tokens = composition->known_tokens;
  composed.known_blocks = composition->known_blocks;
  composed.missing_blocks = composition->missing_blocks;
  if (composition->signature) {
    composed.signature = ToProto(*composition->signature, state_->geometry.cells());
  }
  return composed;
}

BlockSignatures::Figures BlockSignatures::GetFigures() const {
  absl::MutexLock lock(&state_->mutex);
  const BlockSignatureStore::Counters& counters = state_->store.counters();
  return {state_->store.blocks(), state_->store.bytes(), counters.hits, counters.misses,
          counters.evicted};
}

}  // namespace eldr::client

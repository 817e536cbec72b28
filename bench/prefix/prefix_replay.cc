#include "bench/prefix/prefix_replay.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "bench/prefix/engine_cache.h"
#include "core/base/status_macros.h"
#include "core/prefix/block_signature_store.h"
#include "eldr/client/block_signatures.h"
#include "eldr/client/signature_builder.h"

namespace eldr::prefix {
namespace {

using Counts = std::vector<std::uint32_t>;

// Eight bytes, as of a hash.
std::string HashOf(std::uint64_t block) {
  std::string hash(sizeof(block), '\0');
  std::memcpy(hash.data(), &block, sizeof(block));
  return hash;
}

v1::ModelGeometry ToProto(const ModelGeometry& geometry) {
  v1::ModelGeometry proto;
  proto.set_layers(geometry.layers);
  proto.set_experts(geometry.experts);
  proto.set_top_k(geometry.top_k);
  return proto;
}

absl::StatusOr<ExpertSignature> ToSignature(const Counts& counts, std::uint32_t tokens,
                                            const ModelGeometry& geometry) {
  const absl::string_view bytes(reinterpret_cast<const char*>(counts.data()),
                                counts.size() * sizeof(counts[0]));
  return ExpertSignature::Parse(
      {tokens, std::nullopt, SignatureData::Dense{CountWidth::k32, bytes}}, geometry);
}

// The counts of a message, in whatever form it has.
Counts Decode(const v1::ExpertSignature& signature, std::size_t cells) {
  Counts counts(cells);
  const v1::SparseCounts& sparse = signature.sparse();
  for (int i = 0; i < sparse.indices_size(); ++i) counts[sparse.indices(i)] = sparse.counts(i);
  const std::string& data = signature.dense().data();
  const std::size_t width = data.size() / cells;
  for (std::size_t cell = 0; cell < cells && width > 0; ++cell) {
    std::memcpy(&counts[cell], data.data() + cell * width, width);
  }
  return counts;
}

class PrefixReplay {
 public:
  PrefixReplay(const BlockRouting& routing, const PrefixOptions& options, const Clock& clock)
      : routing_(routing),
        clock_(clock),
        geometry_(routing.geometry()),
        router_(geometry_, options.router_bytes) {}

  absl::Status AddWorkers(const PrefixOptions& options) {
    for (std::size_t i = 0; i < options.workers; ++i) {
      ELDR_ASSIGN_OR_RETURN(
          auto blocks,
          client::BlockSignatures::Create(ToProto(geometry_), {.max_bytes = options.worker_bytes}));
      workers_.push_back(
          {absl::StrCat("p", i), EngineCache(options.cache_blocks), std::move(blocks)});
    }
    return absl::OkStatus();
  }

  absl::Status Prefill(const Prompt& prompt);
  PrefixResult Finish();

 private:
  struct Worker {
    std::string name;
    EngineCache cache;
    std::unique_ptr<client::BlockSignatures> blocks;
  };

  // A prompt in the middle of its prefill.
  struct Work {
    const Prompt& prompt;
    Worker& worker;
    std::vector<std::string> hashes;  // of its full blocks
    std::uint32_t cached_tokens;
    Counts cold;  // of all its tokens
  };

  Counts CountTokens(const Prompt& prompt, std::uint32_t first, std::uint32_t last) const {
    Counts counts(geometry_.cells(), 0);
    routing_.Count(prompt, first, last, absl::MakeSpan(counts));
    return counts;
  }
  Worker& WorkerOf(const Prompt& prompt) {
    return workers_[prompt.blocks[std::min<std::size_t>(1, prompt.blocks.size() - 1)] %
                    workers_.size()];
  }
  // Composes at both sides, from the blocks that were cached when the prefill began.
  absl::Status Compose(const Work& work);
  absl::Status StoreFreshBlocks(const Work& work);
  void FreeBlocks(const Work& work);
  void Note(const Work& work, std::uint32_t known_tokens, const Counts& counts, absl::Duration took,
            SideResult& side) const;
  void NoteBytes();

  const BlockRouting& routing_;
  const Clock& clock_;
  const ModelGeometry geometry_;
  BlockSignatureStore router_;
  std::vector<Worker> workers_;
  PrefixResult result_;
};

absl::Status PrefixReplay::Prefill(const Prompt& prompt) {
  Worker& worker = WorkerOf(prompt);
  // The last token is always computed: its output is the first of the answer.
  const std::size_t most = (prompt.tokens - 1) / kBlockTokens;
  const std::size_t cached = worker.cache.Match(absl::MakeConstSpan(prompt.blocks).first(most));
  Work work = {prompt,
               worker,
               {},
               static_cast<std::uint32_t>(cached) * kBlockTokens,
               CountTokens(prompt, 0, prompt.tokens)};
  for (std::size_t i = 0; i < prompt.full_blocks(); ++i) {
    work.hashes.push_back(HashOf(prompt.blocks[i]));
  }
  ELDR_RETURN_IF_ERROR(Compose(work));
  ELDR_RETURN_IF_ERROR(StoreFreshBlocks(work));
  FreeBlocks(work);
  NoteBytes();
  ++result_.prompts;
  result_.tokens += prompt.tokens;
  result_.cached_tokens += work.cached_tokens;
  if (cached > 0) ++result_.cached_prompts;
  result_.fresh_coverage += 1 - static_cast<double>(work.cached_tokens) / prompt.tokens;
  return absl::OkStatus();
}

absl::Status PrefixReplay::Compose(const Work& work) {
  const std::size_t cached = work.cached_tokens / kBlockTokens;
  const std::vector<absl::string_view> hashes(
      work.hashes.begin(), work.hashes.begin() + static_cast<std::ptrdiff_t>(cached));
  const std::uint32_t tokens = work.prompt.tokens;
  const Counts fresh = CountTokens(work.prompt, work.cached_tokens, tokens);
  const v1::ExpertSignature message = client::EncodeCounts(fresh, tokens - work.cached_tokens);
  MonotonicTime start = clock_.Monotonic();
  ELDR_ASSIGN_OR_RETURN(const client::BlockSignatures::Composed at_worker,
                        work.worker.blocks->Compose(hashes, tokens, &message));
  absl::Duration took = clock_.Monotonic() - start;
  Note(work, at_worker.known_tokens, Decode(*at_worker.signature, geometry_.cells()), took,
       result_.worker);

  ELDR_ASSIGN_OR_RETURN(const ExpertSignature parsed,
                        ToSignature(fresh, tokens - work.cached_tokens, geometry_));
  start = clock_.Monotonic();
  ELDR_ASSIGN_OR_RETURN(const Composition at_router,
                        router_.Compose(work.worker.name, hashes, tokens, &parsed));
  took = clock_.Monotonic() - start;
  const Counts counts = at_router.signature->VisitCounts(
      [this](const auto* kept) { return Counts(kept, kept + geometry_.cells()); });
  Note(work, at_router.known_tokens, counts, took, result_.router);
  return absl::OkStatus();
}

void PrefixReplay::Note(const Work& work, std::uint32_t known_tokens, const Counts& counts,
                        absl::Duration took, SideResult& side) const {
  side.times.push_back(took);
  side.coverage += static_cast<double>(known_tokens) / work.prompt.tokens;
  if (known_tokens != work.prompt.tokens) return;
  ++side.complete;
  if (counts != work.cold) ++side.mismatches;
}

absl::Status PrefixReplay::StoreFreshBlocks(const Work& work) {
  for (std::size_t i = work.cached_tokens / kBlockTokens; i < work.hashes.size(); ++i) {
    const auto first = static_cast<std::uint32_t>(i) * kBlockTokens;
    const Counts counts = CountTokens(work.prompt, first, first + kBlockTokens);
    ELDR_RETURN_IF_ERROR(
        work.worker.blocks->Store(work.hashes[i], client::EncodeCounts(counts, kBlockTokens)));
    ELDR_ASSIGN_OR_RETURN(const ExpertSignature signature,
                          ToSignature(counts, kBlockTokens, geometry_));
    router_.Store(work.worker.name, work.hashes[i], BlockRow(signature, geometry_));
  }
  return absl::OkStatus();
}

void PrefixReplay::FreeBlocks(const Work& work) {
  const auto full = absl::MakeConstSpan(work.prompt.blocks).first(work.prompt.full_blocks());
  const auto free = [&](std::uint64_t block) {
    work.worker.blocks->Remove(HashOf(block));
    router_.Remove(work.worker.name, HashOf(block));
  };
  for (const std::uint64_t block : work.worker.cache.Insert(full)) free(block);
  // What did not fit the cache at all.
  for (const std::uint64_t block : full) {
    if (!work.worker.cache.Holds(block)) free(block);
  }
}

void PrefixReplay::NoteBytes() {
  std::uint64_t bytes = 0;
  for (const Worker& worker : workers_) bytes += worker.blocks->GetFigures().bytes;
  result_.worker.peak_bytes = std::max(result_.worker.peak_bytes, bytes);
  result_.router.peak_bytes = std::max<std::uint64_t>(result_.router.peak_bytes, router_.bytes());
}

PrefixResult PrefixReplay::Finish() {
  for (const Worker& worker : workers_) {
    const client::BlockSignatures::Figures figures = worker.blocks->GetFigures();
    result_.worker.blocks += figures.blocks;
    result_.worker.bytes += figures.bytes;
    result_.worker.hits += figures.hits;
    result_.worker.misses += figures.misses;
    result_.worker.evicted += figures.evicted;
  }
  result_.router.blocks = router_.blocks();
  result_.router.bytes = router_.bytes();
  result_.router.hits = router_.counters().hits;
  result_.router.misses = router_.counters().misses;
  result_.router.evicted = router_.counters().evicted;
  return std::move(result_);
}

}  // namespace

absl::StatusOr<PrefixResult> ReplayPrompts(absl::Span<const Prompt> prompts,
                                           const BlockRouting& routing,
                                           const PrefixOptions& options, const Clock& clock,
                                           const std::function<void(std::size_t)>& progress) {
  PrefixReplay replay(routing, options, clock);
  ELDR_RETURN_IF_ERROR(replay.AddWorkers(options));
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    ELDR_RETURN_IF_ERROR(replay.Prefill(prompts[i]));
    progress(i + 1);
  }
  return replay.Finish();
}

}  // namespace eldr::prefix

#include "core/prefix/block_signature_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace eldr {
namespace {

// What a hash table takes for an entry of a key and a pointer: the slot and its control byte, at a
// filling of five eighths.
constexpr std::size_t kSlotBytes = 40;
// What a list's node takes beside its element.
constexpr std::size_t kLinkBytes = 2 * sizeof(void*);

// Heap bytes of a string.
std::size_t HeapBytes(const std::string& text) {
  static const std::size_t inside = std::string().capacity();
  return text.capacity() > inside ? text.capacity() + 1 : 0;
}

absl::Status CheckHashes(absl::Span<const absl::string_view> hashes) {
  if (hashes.size() > BlockSignatureStore::kMaxBlocksOfPrompt) {
    return absl::InvalidArgumentError(absl::StrCat("blocks.hashes: got ", hashes.size(),
                                                   " of them, expected at most ",
                                                   BlockSignatureStore::kMaxBlocksOfPrompt));
  }
  absl::flat_hash_set<absl::string_view> seen;
  seen.reserve(hashes.size());
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    const std::size_t bytes = hashes[i].size();
    if (bytes == 0 || bytes > BlockSignatureStore::kMaxHashBytes) {
      return CheckBlockHash(hashes[i], absl::StrCat("blocks.hashes[", i, "]"));
    }
    if (!seen.insert(hashes[i]).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          "blocks.hashes[", i, "]: got a hash that came before, expected each one once"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPromptTokens(std::uint32_t prompt_tokens, const ExpertSignature* fresh) {
  if (prompt_tokens == 0 || prompt_tokens > ExpertSignature::kMaxTokens) {
    return absl::InvalidArgumentError(absl::StrCat("blocks.prompt_tokens: got ", prompt_tokens,
                                                   ", expected 1 to ",
                                                   ExpertSignature::kMaxTokens));
  }
  if (fresh != nullptr && fresh->prompt_tokens().value_or(prompt_tokens) != prompt_tokens) {
    return absl::InvalidArgumentError(
        absl::StrCat("signature.prompt_tokens: got ", *fresh->prompt_tokens(), ", expected ",
                     prompt_tokens, " (blocks.prompt_tokens), or none"));
  }
  return absl::OkStatus();
}

// Zeroes the layers that some part does not cover: their sums fit no token count.
void DropUncoveredLayers(const ModelGeometry& geometry, std::uint32_t tokens,
                         std::vector<std::uint32_t>& sums) {
  const std::uint64_t whole = std::uint64_t{tokens} * geometry.top_k;
  for (std::size_t layer = 0; layer < geometry.layers; ++layer) {
    const auto row = absl::MakeSpan(sums).subspan(layer * geometry.experts, geometry.experts);
    std::uint64_t sum = 0;
    for (const std::uint32_t count : row) sum += count;
    if (sum != whole) std::fill(row.begin(), row.end(), 0u);
  }
}

template <typename Count>
void Pack(absl::Span<const std::uint32_t> counts, std::uint8_t* out) {
  for (std::size_t cell = 0; cell < counts.size(); ++cell) {
    const auto count = static_cast<Count>(counts[cell]);
    std::memcpy(out + cell * sizeof(Count), &count, sizeof(Count));
  }
}

}  // namespace

absl::Status CheckBlockHash(absl::string_view hash, absl::string_view field) {
  if (!hash.empty() && hash.size() <= BlockSignatureStore::kMaxHashBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      field, ": got ", hash.size(), " bytes, expected 1 to ", BlockSignatureStore::kMaxHashBytes));
}

BlockSignatureStore::BlockSignatureStore(const ModelGeometry& geometry, std::size_t max_bytes)
    : geometry_(geometry), max_bytes_(max_bytes) {}

std::size_t BlockSignatureStore::BytesOf(const Entry& entry) {
  return sizeof(Entry) + kLinkBytes + kSlotBytes + HeapBytes(entry.hash) + entry.row.bytes();
}

std::size_t BlockSignatureStore::BytesOf(const Worker& worker) {
  return sizeof(Worker) + sizeof(std::string) + kSlotBytes + 2 * HeapBytes(worker.name);
}

BlockSignatureStore::Worker& BlockSignatureStore::FindOrAddWorker(absl::string_view name) {
  std::unique_ptr<Worker>& worker = workers_[name];
  if (worker == nullptr) {
    worker = std::make_unique<Worker>();
    worker->name = std::string(name);
    bytes_ += BytesOf(*worker);
  }
  return *worker;
}

const BlockSignatureStore::Worker* BlockSignatureStore::FindWorker(absl::string_view name) const {
  const auto it = workers_.find(name);
  return it == workers_.end() ? nullptr : it->second.get();
}

void BlockSignatureStore::Drop(Entries::iterator entry) {
  Worker& worker = *entry->worker;
  bytes_ -= BytesOf(*entry);
  worker.rows.erase(entry->hash);
  entries_.erase(entry);
  if (!worker.rows.empty()) return;
  bytes_ -= BytesOf(worker);
  workers_.erase(workers_.find(worker.name));
}

std::size_t BlockSignatureStore::Store(absl::string_view worker_name, absl::string_view hash,
                                       BlockRow row) {
  Remove(worker_name, hash);
  Worker& worker = FindOrAddWorker(worker_name);
  entries_.push_front({&worker, std::string(hash), std::move(row)});
  bytes_ += BytesOf(entries_.front());
  worker.rows[entries_.front().hash] = entries_.begin();
  std::size_t evicted = 0;
  while (bytes_ > max_bytes_ && !entries_.empty()) {
    Drop(std::prev(entries_.end()));
    ++evicted;
  }
  counters_.evicted += evicted;
  return evicted;
}

bool BlockSignatureStore::Remove(absl::string_view worker_name, absl::string_view hash) {
  const Worker* const worker = FindWorker(worker_name);
  if (worker == nullptr) return false;
  const auto it = worker->rows.find(hash);
  if (it == worker->rows.end()) return false;
  Drop(it->second);
  return true;
}

std::size_t BlockSignatureStore::Clear(absl::string_view worker_name) {
  const Worker* const worker = FindWorker(worker_name);
  if (worker == nullptr) return 0;
  const std::size_t rows = worker->rows.size();
  // The last one takes the worker with it.
  for (std::size_t left = rows; left > 0; --left) Drop(worker->rows.begin()->second);
  return rows;
}

std::size_t BlockSignatureStore::blocks(absl::string_view worker_name) const {
  const Worker* const worker = FindWorker(worker_name);
  return worker == nullptr ? 0 : worker->rows.size();
}

absl::StatusOr<Composition> BlockSignatureStore::Compose(absl::string_view worker_name,
                                                         absl::Span<const absl::string_view> hashes,
                                                         std::uint32_t prompt_tokens,
                                                         const ExpertSignature* fresh) {
  ELDR_RETURN_IF_ERROR(CheckHashes(hashes));
  ELDR_RETURN_IF_ERROR(CheckPromptTokens(prompt_tokens, fresh));
  found_.clear();
  std::uint64_t tokens = fresh == nullptr ? 0 : fresh->tokens();
  if (const Worker* const worker = FindWorker(worker_name)) {
    for (const absl::string_view hash : hashes) {
      const auto it = worker->rows.find(hash);
      if (it == worker->rows.end()) continue;
      found_.push_back(it->second);
      tokens += it->second->row.tokens();
    }
  }
  if (tokens > prompt_tokens) {
    return absl::InvalidArgumentError(absl::StrCat(
        "blocks.prompt_tokens: got ", prompt_tokens, ", expected at least ", tokens,
        ", the tokens of the signature and of the ", found_.size(), " blocks that are known"));
  }
  Composition composition;
  composition.known_blocks = static_cast<std::uint32_t>(found_.size());
  composition.missing_blocks = static_cast<std::uint32_t>(hashes.size() - found_.size());
  counters_.hits += composition.known_blocks;
  counters_.misses += composition.missing_blocks;
  // From the last block to the first, so that a prefix outlives what follows it: without it the
  // rest is of no use, and more prompts share it.
  for (auto used = found_.rbegin(); used != found_.rend(); ++used) {
    entries_.splice(entries_.begin(), entries_, *used);
  }
  if (tokens > 0)
    composition.signature = Sum(fresh, static_cast<std::uint32_t>(tokens), prompt_tokens);
  if (!composition.signature) {
    ++counters_.none;
    return composition;
  }
  composition.known_tokens = composition.signature->tokens();
  ++(composition.signature->quality() == SignatureQuality::kFull ? counters_.full
                                                                 : counters_.partial);
  return composition;
}

std::optional<ExpertSignature> BlockSignatureStore::Sum(const ExpertSignature* fresh,
                                                        std::uint32_t tokens,
                                                        std::uint32_t prompt_tokens) {
  const std::size_t cells = geometry_.cells();
  sums_.assign(cells, 0);
  bool whole = true;
  for (const Entries::iterator entry : found_) {
    entry->row.AddTo(absl::MakeSpan(sums_));
    whole = whole && entry->row.whole();
  }
  if (fresh != nullptr) {
    fresh->VisitCounts([&](const auto* counts) {
      for (std::size_t cell = 0; cell < cells; ++cell) sums_[cell] += counts[cell];
    });
    whole = whole && fresh->covered_layers() == geometry_.layers;
  }
  if (!whole) DropUncoveredLayers(geometry_, tokens, sums_);
  // What waits to be placed should not take more memory than what was pushed.
  SignatureData::Dense dense;
  const std::uint32_t largest = *std::max_element(sums_.begin(), sums_.end());
  if (largest == 0) return std::nullopt;
  dense.width = largest <= 0xff     ? CountWidth::k8
                : largest <= 0xffff ? CountWidth::k16
                                    : CountWidth::k32;
  packed_.resize(cells * static_cast<std::size_t>(dense.width));
  switch (dense.width) {
    case CountWidth::k8:
      Pack<std::uint8_t>(sums_, packed_.data());
      break;
    case CountWidth::k16:
      Pack<std::uint16_t>(sums_, packed_.data());
      break;
    case CountWidth::k32:
      Pack<std::uint32_t>(sums_, packed_.data());
      break;
  }
  dense.bytes = {reinterpret_cast<const char*>(packed_.data()), packed_.size()};
  auto sum = ExpertSignature::Parse({tokens, prompt_tokens, dense}, geometry_);
  // The parts are valid, so their sum is.
  return *std::move(sum);
}

}  // namespace eldr

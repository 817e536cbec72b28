#include "bench/prefix/block_routing.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "tools/replay/csv_table.h"
#include "tools/replay/file_contents.h"
#include "tools/replay/random_stream.h"
#include "tools/replay/trace.h"

namespace eldr::prefix {
namespace {

// A number below `bound` that depends on the ids alone.
std::size_t Draw(std::uint64_t seed, std::uint64_t id, std::size_t bound) {
  return static_cast<std::size_t>(replay::RandomStream(seed, id).Below(bound));
}

}  // namespace

absl::StatusOr<BlockRouting> BlockRouting::Load(const std::string& folder, std::uint64_t seed) {
  ELDR_ASSIGN_OR_RETURN(const engines::RoutedExperts experts,
                        replay::ReadNpy(folder + "/routed_experts.npy", 0));
  const std::string path = folder + "/requests.csv";
  ELDR_ASSIGN_OR_RETURN(const std::string text, replay::ReadFile(path));
  ELDR_ASSIGN_OR_RETURN(const replay::CsvTable table, replay::CsvTable::Parse(text));
  ELDR_ASSIGN_OR_RETURN(const std::size_t offset_column, table.RequireColumn("token_offset"));
  ELDR_ASSIGN_OR_RETURN(const std::size_t tokens_column, table.RequireColumn("tokens"));
  BlockRouting routing;
  routing.seed_ = seed;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    ELDR_ASSIGN_OR_RETURN(const std::uint64_t first, table.Integer(row, offset_column));
    ELDR_ASSIGN_OR_RETURN(const std::uint64_t count, table.Integer(row, tokens_column));
    if (count == 0 || first > experts.tokens || count > experts.tokens - first) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": line ", table.LineOf(row), ": tokens ", first, " to ", first + count,
          ", expected 1 to ", experts.tokens, " that are in the trace"));
    }
    routing.requests_.push_back({first, count});
  }
  if (routing.requests_.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": expected at least one request"));
  }
  const std::uint32_t most = *std::max_element(experts.ids.begin(), experts.ids.end());
  routing.geometry_ = {static_cast<std::uint32_t>(experts.layers),
                       most + 1,
                       static_cast<std::uint32_t>(experts.top_k),
                       {}};
  ELDR_RETURN_IF_ERROR(ValidateGeometry(routing.geometry_));
  routing.cells_.reserve(experts.ids.size());
  for (std::size_t i = 0; i < experts.ids.size(); ++i) {
    const std::size_t layer = i / experts.top_k % experts.layers;
    routing.cells_.push_back(static_cast<std::uint32_t>(layer * (most + 1)) + experts.ids[i]);
  }
  return routing;
}

BlockRouting::Place BlockRouting::PlaceOf(const Prompt& prompt, std::size_t block) const {
  const std::uint64_t conversation = prompt.blocks[std::min<std::size_t>(block, 1)];
  const Rows& rows = requests_[Draw(seed_, conversation, requests_.size())];
  return {&rows, Draw(seed_ + 1, prompt.blocks[block], rows.count)};
}

void BlockRouting::Count(const Prompt& prompt, std::uint32_t first, std::uint32_t last,
                         absl::Span<std::uint32_t> counts) const {
  const std::size_t picks = std::size_t{geometry_.layers} * geometry_.top_k;
  for (std::uint32_t token = first; token < last;) {
    const std::uint32_t block = token / kBlockTokens;
    const std::uint32_t end = std::min(last, (block + 1) * kBlockTokens);
    const Place place = PlaceOf(prompt, block);
    for (; token < end; ++token) {
      const std::size_t row =
          place.rows->first + (place.start + token % kBlockTokens) % place.rows->count;
      const std::uint32_t* const cells = cells_.data() + row * picks;
      for (std::size_t i = 0; i < picks; ++i) ++counts[cells[i]];
    }
  }
}

}  // namespace eldr::prefix

// The one place where ids from outside become RoutedExperts: drops dense layers, checks the rest.
#ifndef ELDR_CLIENT_ENGINES_ID_ROWS_H_
#define ELDR_CLIENT_ENGINES_ID_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/engines/geometry.h"
#include "client/engines/packed_ids.h"
#include "client/engines/routed_experts.h"

namespace eldr::engines {

// Which rows of a token are MoE layers. INVALID_ARGUMENT if the geometry does not fit the shape.
inline absl::StatusOr<std::vector<std::uint64_t>> MoeRows(const IdShape& shape,
                                                          const Geometry& geometry) {
  if (geometry.top_k != 0 && shape.top_k != geometry.top_k) {
    return absl::InvalidArgumentError(absl::StrCat("shape ", ShapeText(shape), " has top_k ",
                                                   shape.top_k, ", expected ", geometry.top_k));
  }
  const std::vector<std::uint32_t>& moe = geometry.moe_hidden_layers;
  const std::uint64_t layers = geometry.layers != 0 ? geometry.layers : moe.size();
  if (layers == 0 || shape.hidden_layers == layers) {
    std::vector<std::uint64_t> every(shape.hidden_layers);
    std::iota(every.begin(), every.end(), std::uint64_t{0});
    return every;
  }
  if (moe.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("shape ", ShapeText(shape), " has ", shape.hidden_layers, " rows per token, ",
                     "expected ", layers,
                     ": the geometry does not tell which hidden layers are MoE layers "
                     "(moe_hidden_layers)"));
  }
  if (moe.back() >= shape.hidden_layers) {
    return absl::InvalidArgumentError(absl::StrCat(
        "shape ", ShapeText(shape), " has ", shape.hidden_layers, " rows per token, expected ",
        layers, ", or more than ", moe.back(), ", the last of moe_hidden_layers"));
  }
  return std::vector<std::uint64_t>(moe.begin(), moe.end());
}

// The ids of the `range` of tokens; those of other tokens are not looked at, as engines pad what
// they did not capture. `load(i)` is the id at index i, as an int64_t. INVALID_ARGUMENT, naming
// where and what, if the range is not within the tokens, or a MoE layer's id is not one of the
// geometry's experts (below kMaxExperts if that is 0), or stands twice in a layer of a token.
// REQUIRES: no number of the shape is 0, and tokens * hidden_layers * top_k ids are there to load.
template <typename Load>
absl::StatusOr<RoutedExperts> SelectIds(const IdShape& shape, const Geometry& geometry,
                                        const RowRange& range, const Load& load) {
  absl::Status checked = CheckGeometry(geometry);
  if (!checked.ok()) return checked;
  const absl::StatusOr<std::uint64_t> end = EndOf(range, shape.tokens);
  if (!end.ok()) return end.status();
  const absl::StatusOr<std::vector<std::uint64_t>> rows = MoeRows(shape, geometry);
  if (!rows.ok()) return rows.status();
  const std::uint32_t experts = geometry.experts != 0 ? geometry.experts : kMaxExperts;
  RoutedExperts result;
  result.tokens = *end - range.begin;
  result.layers = rows->size();
  result.top_k = shape.top_k;
  result.ids.reserve(result.tokens * rows->size() * shape.top_k);
  // The last row that picked each expert, counted from 1, shows an id that comes twice.
  std::vector<std::uint64_t> last_row(experts);
  std::uint64_t row_number = 0;
  for (std::uint64_t token = range.begin; token < *end; ++token) {
    for (const std::uint64_t row : *rows) {
      ++row_number;
      const std::uint64_t first = (token * shape.hidden_layers + row) * shape.top_k;
      for (std::uint64_t choice = 0; choice < shape.top_k; ++choice) {
        const std::int64_t id = load(first + choice);
        if (id < 0 || id >= experts) {
          return absl::InvalidArgumentError(absl::StrCat("token ", token, ", row ", row,
                                                         ", choice ", choice, ": expert id ", id,
                                                         ", expected 0 to ", experts - 1));
        }
        const std::size_t expert = static_cast<std::size_t>(id);
        if (last_row[expert] == row_number) {
          return absl::InvalidArgumentError(
              absl::StrCat("token ", token, ", row ", row, ": expert id ", id,
                           " stands there twice, expected ", shape.top_k, " different ones"));
        }
        last_row[expert] = row_number;
        result.ids.push_back(static_cast<std::uint16_t>(expert));
      }
    }
  }
  return result;
}

}  // namespace eldr::engines

#endif  // ELDR_CLIENT_ENGINES_ID_ROWS_H_

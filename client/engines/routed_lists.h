// Nested lists [tokens][layers][top_k], gathered while a parser walks through them.
#ifndef ELDR_CLIENT_ENGINES_ROUTED_LISTS_H_
#define ELDR_CLIENT_ENGINES_ROUTED_LISTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/engines/geometry.h"
#include "client/engines/packed_ids.h"
#include "client/engines/routed_experts.h"

namespace eldr::engines {

// Keeps four bytes per id, which takes at least two of JSON. Errors are INVALID_ARGUMENT and name
// the place: lists of unequal length or depth, empty ones, ids that no model has.
class RoutedLists {
 public:
  // '[' and ']'. REQUIRES: as many ends as beginnings, nothing after the outermost end.
  absl::Status Begin();
  absl::Status End();
  // A number between them.
  absl::Status Add(std::int64_t id);

  // Whether there is anything, and the lists have all ended.
  bool complete() const { return depth_ == 0 && shape_.tokens > 0; }
  // REQUIRES: complete().
  std::uint64_t tokens() const { return shape_.tokens; }
  absl::StatusOr<RoutedExperts> Select(const Geometry& geometry, const RowRange& range = {}) const;

 private:
  // "routed_experts[3][5]: ".
  std::string Place() const;

  int depth_ = 0;
  IdShape shape_;              // what has ended so far
  std::uint64_t rows_ = 0;     // of the token that is being read
  std::uint64_t choices_ = 0;  // of the row that is being read
  std::vector<std::int32_t> ids_;
};

}  // namespace eldr::engines

#endif  // ELDR_CLIENT_ENGINES_ROUTED_LISTS_H_

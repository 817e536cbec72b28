// Names that somebody may have meant.
#ifndef ELDR_CORE_BASE_NEAR_NAMES_H_
#define ELDR_CORE_BASE_NEAR_NAMES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace eldr {

// Longer names have no near ones: the search and the message stay short whatever is asked for.
inline constexpr std::size_t kMaxNearNameBytes = 64;

// How many single characters to insert, delete, replace or swap with their neighbour make one of
// the other; `limit` + 1 if they are more than `limit`. Letters count without their case.
std::size_t EditDistance(absl::string_view a, absl::string_view b, std::size_t limit);

// Whether one may be a slip of the other: they differ in at most a third of their characters and in
// no more than 3, or only in what stands before the last '/'.
bool AreNearNames(absl::string_view a, absl::string_view b);

// For a message: " (near it: \"mixtral\")", with the at most 3 nearest of `names`; "" without any.
std::string DescribeNearNames(absl::string_view name, const std::vector<std::string>& names);

}  // namespace eldr

#endif  // ELDR_CORE_BASE_NEAR_NAMES_H_

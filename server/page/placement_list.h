// The newest placements of a model, from its receipts.
#ifndef ELDR_SERVER_PAGE_PLACEMENT_LIST_H_
#define ELDR_SERVER_PAGE_PLACEMENT_LIST_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/route/router.h"

namespace eldr {

inline constexpr std::size_t kMostListedPlacements = 200;
inline constexpr std::size_t kListedPlacements = 50;

struct PlacementList {
  std::uint64_t sequence = 0;  // of the newest placement of the model
  std::size_t shown = 0;
  std::string json;  // the body of /placements
};

// At most `limit` of those after `after`, or of all, on `node`, if that is not empty. What comes
// after a sequence that was never reached is of a former process: then the newest of all.
absl::StatusOr<PlacementList> ListPlacements(const Router& router, const std::string& model,
                                             std::optional<std::uint64_t> after, std::size_t limit,
                                             absl::string_view node = "");

}  // namespace eldr

#endif  // ELDR_SERVER_PAGE_PLACEMENT_LIST_H_

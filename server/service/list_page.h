// Pages of a list: how many elements one has, and where the next one goes on.
#ifndef ELDR_SERVER_SERVICE_LIST_PAGE_H_
#define ELDR_SERVER_SERVICE_LIST_PAGE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace eldr {

// An answer must stay under what gRPC's clients take by default, 4 MiB. The largest element is a
// node of some 20 KiB.
inline constexpr std::size_t kMostPageBytes = std::size_t{3} << 20;
// So that a page is soon made.
inline constexpr std::size_t kMostPageElements = 1'000;

// How many elements a page has at most; `asked` of 0 leaves it to the daemon.
inline std::size_t PageElements(std::uint32_t asked) {
  return asked == 0 ? kMostPageElements : std::min<std::size_t>(asked, kMostPageElements);
}

// Opaque text that names a list by its kind and the place behind which it goes on. Not secret, and
// no more than a position: whoever makes one up sees what he may see anyway.
std::string MakePageToken(absl::string_view list, const std::vector<std::string>& place);
// What MakePageToken() was given. INVALID_ARGUMENT if the token is not one of this list, or has not
// `parts` parts.
absl::StatusOr<std::vector<std::string>> ParsePageToken(absl::string_view list,
                                                        absl::string_view token, std::size_t parts);

// Adds the first `most` of `items` to the page, or as many of them as fit, and answers how many.
// `convert(item, element)` fills an element.
template <typename Item, typename Page, typename Convert>
std::size_t FillPage(const std::vector<Item>& items, std::size_t most, Page* page,
                     const Convert& convert) {
  // Tag and length of an element.
  constexpr std::size_t kElementOverhead = 8;
  std::size_t bytes = 0;
  std::size_t shown = 0;
  for (; shown < std::min(items.size(), most); ++shown) {
    auto* const element = page->Add();
    convert(items[shown], element);
    bytes += element->ByteSizeLong() + kElementOverhead;
    if (bytes > kMostPageBytes && shown > 0) {
      page->RemoveLast();
      break;
    }
  }
  return shown;
}

}  // namespace eldr

#endif  // ELDR_SERVER_SERVICE_LIST_PAGE_H_

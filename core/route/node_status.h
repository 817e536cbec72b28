// The nodes of a book as people and metrics see them.
#ifndef ELDR_CORE_ROUTE_NODE_STATUS_H_
#define ELDR_CORE_ROUTE_NODE_STATUS_H_

#include <cstddef>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/base/clock.h"
#include "core/books/book.h"
#include "core/route/router.h"

namespace eldr {

// Ordered by id: those after `after`, and `most` of them.
std::vector<NodeStatus> StatusOfNodes(const Book& book, MonotonicTime now, absl::string_view after,
                                      std::size_t most);

}  // namespace eldr

#endif  // ELDR_CORE_ROUTE_NODE_STATUS_H_

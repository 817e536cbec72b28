// Some tokens of a .npy file of routed experts.
#ifndef ELDR_CLIENT_CTL_NPY_ROWS_H_
#define ELDR_CLIENT_CTL_NPY_ROWS_H_

#include <string>

#include "absl/status/statusor.h"
#include "client/ctl/row_range.h"
#include "client/engines/geometry.h"
#include "client/engines/routed_experts.h"

namespace eldr::ctl {

// Reads the header and these rows, nothing else, so a file may be larger than memory. NOT_FOUND if
// it cannot be opened; INVALID_ARGUMENT, naming the file, if it is not as long as its header says,
// has no such rows, or ids that do not fit the geometry.
absl::StatusOr<engines::RoutedExperts> ReadNpyRows(const std::string& path, const RowRange& rows,
                                                   const engines::Geometry& geometry);

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_NPY_ROWS_H_

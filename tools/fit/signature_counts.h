// Counts of signatures as the numbers that a fit takes.
#ifndef ELDR_TOOLS_FIT_SIGNATURE_COUNTS_H_
#define ELDR_TOOLS_FIT_SIGNATURE_COUNTS_H_

#include <vector>

#include "absl/status/status.h"
#include "core/signature/expert_signature.h"

namespace eldr::fit {

// Adds the counts to `sum`, by cell. INVALID_ARGUMENT, and nothing is added, if they are not of as
// many cells.
absl::Status AddCounts(const SignatureData& signature, std::vector<float>& sum);

}  // namespace eldr::fit

#endif  // ELDR_TOOLS_FIT_SIGNATURE_COUNTS_H_

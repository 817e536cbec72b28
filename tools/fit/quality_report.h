// What eldr-fit prints.
#ifndef ELDR_TOOLS_FIT_QUALITY_REPORT_H_
#define ELDR_TOOLS_FIT_QUALITY_REPORT_H_

#include <string>

#include "tools/fit/profile_fit.h"

namespace eldr::fit {

// Lines for people: the mask with the correlation after each layer, the clusters, how well they
// fit.
std::string DescribeQuality(const FittedProfile& fitted);

}  // namespace eldr::fit

#endif  // ELDR_TOOLS_FIT_QUALITY_REPORT_H_

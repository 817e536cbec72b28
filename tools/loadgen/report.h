// What eldr-loadgen prints.
#ifndef ELDR_TOOLS_LOADGEN_REPORT_H_
#define ELDR_TOOLS_LOADGEN_REPORT_H_

#include <string>

#include "tools/loadgen/load_options.h"
#include "tools/loadgen/load_run.h"

namespace eldr::loadgen {

// For people. Times in milliseconds.
std::string FormatTable(const LoadOptions& options, const LoadResult& result);
// One JSON object; times in microseconds, as its keys say.
std::string FormatJson(const LoadOptions& options, const LoadResult& result);

}  // namespace eldr::loadgen

#endif  // ELDR_TOOLS_LOADGEN_REPORT_H_

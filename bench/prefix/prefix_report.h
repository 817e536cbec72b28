// The result of a replay, for people and for programs.
#ifndef ELDR_BENCH_PREFIX_PREFIX_REPORT_H_
#define ELDR_BENCH_PREFIX_PREFIX_REPORT_H_

#include <string>

#include "bench/prefix/prefix_flags.h"
#include "bench/prefix/prefix_replay.h"
#include "core/model/model_geometry.h"

namespace eldr::prefix {

std::string TableReport(const PrefixFlags& flags, const ModelGeometry& geometry,
                        const PrefixResult& result);
// An object; times in microseconds, sizes in bytes, shares from 0 to 1.
std::string JsonReport(const PrefixFlags& flags, const ModelGeometry& geometry,
                       const PrefixResult& result);

}  // namespace eldr::prefix

#endif  // ELDR_BENCH_PREFIX_PREFIX_REPORT_H_

// What came of the calls of one kind.
#ifndef ELDR_TOOLS_LOADGEN_CALL_RECORD_H_
#define ELDR_TOOLS_LOADGEN_CALL_RECORD_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tools/loadgen/histogram.h"

namespace eldr::loadgen {

// Not thread-safe.
class CallRecord {
 public:
  void Add(const absl::Status& status, absl::Duration latency);

  // Latencies of calls that succeeded, and of those that did not.
  const Histogram& succeeded() const { return succeeded_; }
  const Histogram& failed() const { return failed_; }
  // Calls by the name of their status code, "OK" among them.
  const std::map<std::string, std::uint64_t>& by_code() const { return by_code_; }
  // The message of the first that failed; empty if none did.
  const std::string& first_error() const { return first_error_; }

 private:
  Histogram succeeded_;
  Histogram failed_;
  std::map<std::string, std::uint64_t> by_code_;
  std::string first_error_;
};

}  // namespace eldr::loadgen

#endif  // ELDR_TOOLS_LOADGEN_CALL_RECORD_H_

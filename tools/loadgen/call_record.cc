#include "tools/loadgen/call_record.h"

namespace eldr::loadgen {

void CallRecord::Add(const absl::Status& status, absl::Duration latency) {
  ++by_code_[absl::StatusCodeToString(status.code())];
  (status.ok() ? succeeded_ : failed_).Record(latency);
  if (!status.ok() && first_error_.empty()) first_error_ = std::string(status.message());
}

}  // namespace eldr::loadgen

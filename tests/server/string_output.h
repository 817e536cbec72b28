// The log of a daemon under test, as text.
#ifndef ELDR_TESTS_SERVER_STRING_OUTPUT_H_
#define ELDR_TESTS_SERVER_STRING_OUTPUT_H_

#include <string>

#include "core/base/mutex.h"
#include "server/base/log_output.h"

namespace eldr {

// Thread-safe.
class StringOutput final : public LogOutput {
 public:
  Result Write(absl::string_view line) override {
    MutexLock lock(mutex_);
    text_.append(line.data(), line.size());
    return Result::kWritten;
  }
  std::string text() const {
    MutexLock lock(mutex_);
    return text_;
  }

 private:
  mutable Mutex mutex_;
  std::string text_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace eldr

#endif  // ELDR_TESTS_SERVER_STRING_OUTPUT_H_

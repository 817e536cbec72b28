// A line of progress: rewritten in place on a terminal, printed once where there is none.
#ifndef ELDR_TOOLS_PROCESS_STATUS_LINE_H_
#define ELDR_TOOLS_PROCESS_STATUS_LINE_H_

#include <cstdio>
#include <string>

#include "core/base/clock.h"

namespace eldr::demo {

class StatusLine {
 public:
  // `out` must outlive it.
  explicit StatusLine(std::FILE* out);

  // Shows the text until the next; at most ten times a second, and only on a terminal.
  void Update(const std::string& text);
  // Leaves the text there for good and starts a new line.
  void Finish(const std::string& text);
  // Takes away what Update shows.
  void Clear();

 private:
  std::FILE* const out_;
  const bool terminal_;
  MonotonicTime last_update_ = -absl::InfiniteDuration();
};

}  // namespace eldr::demo

#endif  // ELDR_TOOLS_PROCESS_STATUS_LINE_H_

// Where log lines go.
#ifndef ELDR_SERVER_BASE_LOG_OUTPUT_H_
#define ELDR_SERVER_BASE_LOG_OUTPUT_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace eldr {

// Called from one thread.
class LogOutput {
 public:
  enum class Result : std::uint8_t {
    kWritten,
    kLater,  // nobody reads: try the same line again
    kLost,   // it cannot be written at all
  };

  virtual ~LogOutput() = default;
  // Writes a line, which has its end. Waits for a tenth of a second at most.
  virtual Result Write(absl::string_view line) = 0;
};

// Writes to an open file, by default standard error: a file, a terminal, a pipe or a socket. What
// it shares with other processes it leaves as it is: in particular it does not make it
// non-blocking.
class FileOutput final : public LogOutput {
 public:
  explicit FileOutput(int file = 2) : file_(file) {}
  Result Write(absl::string_view line) override;

 private:
  const int file_;
  std::size_t done_ = 0;  // bytes of the current line that are written already
};

// Takes everything and keeps nothing.
class NoOutput final : public LogOutput {
 public:
  Result Write(absl::string_view /*line*/) override { return Result::kWritten; }
};

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_LOG_OUTPUT_H_

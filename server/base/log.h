// Structured log lines on standard error: one per event, as key=value text or as JSON.
#ifndef ELDR_SERVER_BASE_LOG_H_
#define ELDR_SERVER_BASE_LOG_H_

#include <spdlog/common.h>

#include <concepts>
#include <initializer_list>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/base/clock.h"
#include "server/config/config.h"

namespace spdlog {
class logger;
namespace details {
class thread_pool;
}
}  // namespace spdlog

namespace eldr {

// A key and a value; text is quoted where needed, numbers and booleans are not.
struct LogField {
  LogField(absl::string_view name, absl::string_view text) : key(name), value(text), quoted(true) {}
  LogField(absl::string_view name, const std::string& text)
      : LogField(name, absl::string_view(text)) {}
  LogField(absl::string_view name, const char* text) : LogField(name, absl::string_view(text)) {}
  LogField(absl::string_view name, bool flag) : key(name), value(flag ? "true" : "false") {}
  template <typename Number>
  requires(std::integral<Number> || std::floating_point<Number>)
      LogField(absl::string_view name, Number number)
      : key(name), value(absl::StrCat(number)) {}

  absl::string_view key;
  std::string value;
  bool quoted = false;
};

// Thread-safe. spdlog does the writing because lines come from under the locks of models: its
// bounded queue and writer thread keep a slow terminal or pipe from stopping placements. When the
// queue is full the oldest lines give way.
class Log {
 public:
  using Fields = std::initializer_list<LogField>;

  // Writes to `sink`; nullptr means standard error. `clock` must outlive the log.
  Log(const LogConfig& config, const Clock& clock, spdlog::sink_ptr sink = nullptr);
  // Writes what is queued.
  ~Log();

  void Info(absl::string_view event, Fields fields = {}) {
    Write(spdlog::level::info, event, fields);
  }
  void Warning(absl::string_view event, Fields fields = {}) {
    Write(spdlog::level::warn, event, fields);
  }
  void Error(absl::string_view event, Fields fields = {}) {
    Write(spdlog::level::err, event, fields);
  }

 private:
  void Write(spdlog::level::level_enum level, absl::string_view event, Fields fields);

  const bool json_;
  const Clock& clock_;
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_LOG_H_

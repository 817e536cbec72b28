#include "server/base/grpc_log.h"

#include <grpc/support/log.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/mutex.h"

namespace eldr {
namespace {

// What gRPC calls back has no argument of ours. The lock is held while a line is queued, so that
// the log cannot go meanwhile.
struct Current {
  Mutex mutex;
  Log* log ABSL_GUARDED_BY(mutex) = nullptr;
};

Current& TheCurrent() {
  static Current* const current = new Current;  // threads of gRPC may log until the very end
  return *current;
}

LogLevel LevelOf(gpr_log_severity severity) {
  switch (severity) {
    case GPR_LOG_SEVERITY_DEBUG:
      return LogLevel::kDebug;
    case GPR_LOG_SEVERITY_INFO:
      return LogLevel::kInfo;
    default:
      return LogLevel::kWarning;
  }
}

void Forward(gpr_log_func_args* line) {
  Current& current = TheCurrent();
  MutexLock lock(current.mutex);
  if (current.log == nullptr) return;
  absl::string_view file = line->file;
  file.remove_prefix(file.rfind('/') + 1);  // npos + 1 is 0
  const std::string where = absl::StrCat(file, ":", line->line);
  const absl::string_view message = line->message;
  // An assertion aborts as soon as this returns, and what it says is wanted all the more.
  const bool last = absl::StartsWith(message, "assertion failed");
  current.log->Write(last ? LogLevel::kError : LevelOf(line->severity), "grpc",
                     {{"at", where}, {"message", message}}, absl::StrCat("grpc ", where),
                     GrpcLog::kLinesPerSecond);
  if (last) current.log->Flush(absl::Seconds(1));
}

void SetCurrent(Log* log) {
  MutexLock lock(TheCurrent().mutex);
  TheCurrent().log = log;
}

}  // namespace

GrpcLog::GrpcLog(Log& log) {
  SetCurrent(&log);
  gpr_set_log_function(Forward);
  gpr_log_verbosity_init();  // as GRPC_VERBOSITY has it, errors by default
}

// What gRPC says after this is dropped: written by gRPC itself it might hold up the end.
GrpcLog::~GrpcLog() { SetCurrent(nullptr); }

}  // namespace eldr

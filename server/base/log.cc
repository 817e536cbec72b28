#include "server/base/log.h"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"

namespace eldr {
namespace {

constexpr std::size_t kQueuedLines = 8192;

std::string JsonString(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      absl::StrAppendFormat(&out, "\\u%04x", byte);
    } else {
      out += c;
    }
  }
  out += '"';
  return out;
}

std::string TextValue(absl::string_view text) {
  const bool plain = !text.empty() && text.find_first_of(" =\"\\") == absl::string_view::npos;
  const std::string escaped = absl::Utf8SafeCEscape(text);
  return plain && escaped == text ? escaped : absl::StrCat("\"", escaped, "\"");
}

spdlog::level::level_enum LevelOf(const std::string& name) {
  if (name == "debug") return spdlog::level::debug;
  if (name == "warning") return spdlog::level::warn;
  if (name == "error") return spdlog::level::err;
  return spdlog::level::info;
}

absl::string_view NameOf(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::warn:
      return "warning";
    case spdlog::level::err:
      return "error";
    default:
      return "info";
  }
}

}  // namespace

Log::Log(const LogConfig& config, const Clock& clock, spdlog::sink_ptr sink)
    : json_(config.format == "json"),
      clock_(clock),
      pool_(std::make_shared<spdlog::details::thread_pool>(kQueuedLines, 1)) {
  if (sink == nullptr) sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  logger_ = std::make_shared<spdlog::async_logger>("eldrd", std::move(sink), pool_,
                                                   spdlog::async_overflow_policy::overrun_oldest);
  logger_->set_pattern("%v");
  logger_->set_level(LevelOf(config.level));
}

Log::~Log() = default;  // the pool's thread ends after the lines that are queued

void Log::Write(spdlog::level::level_enum level, absl::string_view event, Fields fields) {
  if (!logger_->should_log(level)) return;
  const std::string time =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", clock_.Wall(), absl::UTCTimeZone());
  std::string line;
  if (json_) {
    line = absl::StrCat("{\"time\":\"", time, "\",\"level\":\"", NameOf(level),
                        "\",\"event\":", JsonString(event));
    for (const LogField& field : fields) {
      absl::StrAppend(&line, ",", JsonString(field.key), ":",
                      field.quoted ? JsonString(field.value) : field.value);
    }
    line += '}';
  } else {
    line = absl::StrCat(time, " ", NameOf(level), " ", event);
    for (const LogField& field : fields) {
      absl::StrAppend(&line, " ", field.key, "=",
                      field.quoted ? TextValue(field.value) : field.value);
    }
  }
  logger_->log(level, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace eldr

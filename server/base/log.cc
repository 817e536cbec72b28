#include "server/base/log.h"

#include <string>
#include <utility>
#include <vector>

namespace eldr {
namespace {

constexpr absl::Duration kLastWords = absl::Seconds(1);

LogQueue::Tell TellsOn(const Clock& clock, bool json) {
  return [&clock, json](absl::string_view event, std::uint64_t lines, absl::string_view cause) {
    std::vector<LogField> fields;
    if (!event.empty()) fields.emplace_back("of", event);
    fields.emplace_back("lines", lines);
    fields.emplace_back("cause", cause);
    return FormatLogLine(json, clock.Wall(), LogLevel::kWarning, "log_lines_left_out", fields);
  };
}

}  // namespace

Log::Log(const LogConfig& config, const Clock& clock, std::shared_ptr<LogOutput> output)
    : json_(config.format == "json"),
      clock_(clock),
      level_(LogLevelOf(config.level)),
      queue_(std::make_shared<LogQueue>(clock, TellsOn(clock, json_))) {
  if (output == nullptr) output = std::make_shared<FileOutput>();
  writer_ = std::thread([queue = queue_, output = std::move(output)] { queue->Run(*output); });
}

Log::~Log() {
  if (queue_->End(kLastWords)) {
    writer_.join();
  } else {
    queue_->GiveUp();
    writer_.detach();
  }
}

void Log::Write(LogLevel level, absl::string_view event, Fields fields, absl::string_view kind,
                std::uint64_t per_second) {
  if (level < level_.load(std::memory_order_relaxed) || !queue_->Admit(kind, per_second)) return;
  queue_->Push(FormatLogLine(json_, clock_.Wall(), level, event,
                             absl::MakeConstSpan(fields.begin(), fields.size())));
}

}  // namespace eldr

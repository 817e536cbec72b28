#include "tools/process/status_line.h"

#include <unistd.h>

namespace eldr::demo {
namespace {

constexpr absl::Duration kUpdateInterval = absl::Milliseconds(100);
// To the line's start, and erase to its end.
constexpr char kRewrite[] = "\r\033[K";

}  // namespace

StatusLine::StatusLine(std::FILE* out) : out_(out), terminal_(isatty(fileno(out)) != 0) {}

void StatusLine::Update(const std::string& text) {
  if (!terminal_ || RealClock().Monotonic() - last_update_ < kUpdateInterval) return;
  last_update_ = RealClock().Monotonic();
  std::fprintf(out_, "%s%s", kRewrite, text.c_str());
  std::fflush(out_);
}

void StatusLine::Finish(const std::string& text) {
  std::fprintf(out_, "%s%s\n", terminal_ ? kRewrite : "", text.c_str());
  std::fflush(out_);
  last_update_ = -absl::InfiniteDuration();
}

void StatusLine::Clear() {
  if (!terminal_) return;
  std::fprintf(out_, "%s", kRewrite);
  std::fflush(out_);
}

}  // namespace eldr::demo

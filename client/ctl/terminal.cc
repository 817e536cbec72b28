#include "client/ctl/terminal.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace eldr::ctl {
namespace {

constexpr char kControlC = 3;
constexpr char kControlZ = 26;
constexpr char kEscapeByte = 27;
// How long the rest of an escape sequence may take; a lone key sends none.
constexpr int kEscapeMs = 30;

// Another screen, no cursor, and lines that are too long are cut; and back.
constexpr absl::string_view kEnterScreen = "\033[?1049h\033[?25l\033[?7l";
constexpr absl::string_view kLeaveScreen = "\033[?7h\033[?25h\033[?1049l";

// Set by signals, read by ReadKey().
std::atomic<bool> ended{false};
std::atomic<bool> resized{false};

void OnSignal(int signal) {
  if (signal == SIGWINCH) {
    resized = true;
  } else {
    ended = true;
  }
}

void Handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigaction(signal, &action, nullptr);  // without SA_RESTART: poll() is to end
}

constexpr int kHandled[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};

bool KeyWaits(int milliseconds) {
  pollfd input = {STDIN_FILENO, POLLIN, 0};
  return poll(&input, 1, milliseconds) > 0;
}

}  // namespace

bool TerminalHasColours() {
  const char* const no_colour = std::getenv("NO_COLOR");
  const char* const term = std::getenv("TERM");
  return isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0') &&
         term != nullptr && absl::string_view(term) != "dumb";
}

std::unique_ptr<Terminal> Terminal::Open() {
  termios before = {};
  if (isatty(STDOUT_FILENO) != 1 || tcgetattr(STDIN_FILENO, &before) != 0) return nullptr;
  std::unique_ptr<Terminal> terminal(new Terminal(before));
  ended = false;
  for (const int signal : kHandled) Handle(signal, OnSignal);
  terminal->Enter();
  return terminal;
}

Terminal::~Terminal() {
  Leave();
  for (const int signal : kHandled) Handle(signal, SIG_DFL);
}

void Terminal::Enter() {
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
  raw.c_iflag &= ~static_cast<tcflag_t>(IXON | ICRNL);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
  Write(kEnterScreen);
}

void Terminal::Leave() {
  Write(kLeaveScreen);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
}

void Terminal::Suspend() {
  Leave();
  raise(SIGSTOP);
  Enter();
  resized = true;
}

TerminalSize Terminal::size() const {
  winsize size = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
    return {};
  }
  return {size.ws_col, size.ws_row};
}

std::optional<int> Terminal::ReadKey(absl::Duration time) {
  pollfd input = {STDIN_FILENO, POLLIN, 0};
  const int ready =
      ended || resized ? 0 : poll(&input, 1, static_cast<int>(absl::ToInt64Milliseconds(time)));
  if (ended) return kEnd;
  if (resized.exchange(false)) return kResized;
  if (ready <= 0) return std::nullopt;
  char byte = 0;
  if (read(STDIN_FILENO, &byte, 1) != 1 || byte == kControlC) return kEnd;
  if (byte == kEscapeByte) return ReadEscape();
  if (byte != kControlZ) return static_cast<unsigned char>(byte);
  Suspend();
  return kResized;
}

int Terminal::ReadEscape() {
  std::string sequence;
  char byte = 0;
  while (sequence.size() < 8 && KeyWaits(kEscapeMs) && read(STDIN_FILENO, &byte, 1) == 1) {
    sequence += byte;
    // A letter or '~' ends it, but for the one that begins it.
    if (sequence.size() > 1 && byte >= '@') break;
  }
  if (sequence == "[A" || sequence == "OA") return kUp;
  if (sequence == "[B" || sequence == "OB") return kDown;
  if (sequence == "[5~") return kPageUp;
  if (sequence == "[6~") return kPageDown;
  return kEscapeByte;
}

void Terminal::Draw(absl::string_view screen) {
  std::string bytes = "\033[H";
  for (const absl::string_view line : absl::StrSplit(screen, '\n', absl::SkipEmpty())) {
    absl::StrAppend(&bytes, line, "\033[0m\033[K\r\n");
  }
  if (bytes.size() > 2) bytes.resize(bytes.size() - 2);  // the last line would scroll a full screen
  Write(absl::StrCat(bytes, "\033[J"));
}

void Terminal::Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return;
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace eldr::ctl

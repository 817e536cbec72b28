// A terminal that a command draws on.
#ifndef ELDR_CLIENT_CTL_TERMINAL_H_
#define ELDR_CLIENT_CTL_TERMINAL_H_

#include <termios.h>

#include <memory>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace eldr::ctl {

// Whether standard output is a terminal that shows colours, and nobody asked for none (NO_COLOR).
bool TerminalHasColours();

struct TerminalSize {
  int columns = 80;
  int rows = 24;
};

// Takes the terminal over: an own screen, no cursor, keys as they are pressed. Gives it back as it
// was when it goes, whatever ended the command, SIGTERM and SIGHUP included. One at a time.
class Terminal {
 public:
  // What a wait for a key may bring besides letters.
  enum Key : int { kUp = 1000, kDown, kPageUp, kPageDown, kResized, kEnd };

  // nullptr if standard input or output is no terminal.
  static std::unique_ptr<Terminal> Open();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  TerminalSize size() const;
  // Waits so long for a key: a byte, or a Key. kEnd: it is time to go (a signal, control-C, or the
  // terminal is gone). Nothing: no key was pressed.
  std::optional<int> ReadKey(absl::Duration time);
  // Draws a screen in the place of the last one, in one go, so that nothing flickers. Its lines end
  // with "\n".
  void Draw(absl::string_view screen);

 private:
  explicit Terminal(const termios& before) : before_(before) {}
  void Enter();
  void Leave();
  void Write(absl::string_view bytes);
  int ReadEscape();
  // Gives the terminal back, stops the process, and takes it again when that goes on.
  void Suspend();

  const termios before_;
};

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_TERMINAL_H_

// Commands of eldrctl that need no daemon.
#ifndef ELDR_CLIENT_CTL_LOCAL_COMMANDS_H_
#define ELDR_CLIENT_CTL_LOCAL_COMMANDS_H_

#include <CLI/App.hpp>
#include <functional>
#include <ostream>

namespace eldr::ctl {

// Runs one and returns what the process exits with.
using LocalRunner = std::function<int(std::ostream& out, std::ostream& err)>;

// Declares them in `app`, which must have all its other commands and outlive the runner; the runner
// of the one that was parsed is left in `chosen`.
void AddLocalCommands(CLI::App& app, LocalRunner& chosen);

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_LOCAL_COMMANDS_H_

// Completion scripts for shells, from the same definitions that parse the command line: so a
// command or an option that is new, renamed or gone is so in the script too.
#ifndef ELDR_CLIENT_CTL_COMPLETION_H_
#define ELDR_CLIENT_CTL_COMPLETION_H_

#include <CLI/App.hpp>
#include <string>

namespace eldr::ctl {

// Scripts that complete the commands, options and their values of `app`, a program that takes its
// global options after the command, too. To be sourced, or put where the shell looks for them.
std::string BashCompletion(const CLI::App& app);
std::string ZshCompletion(const CLI::App& app);
std::string FishCompletion(const CLI::App& app);

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_COMPLETION_H_

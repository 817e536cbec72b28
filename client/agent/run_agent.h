// The commands of eldr-agent.
#ifndef ELDR_CLIENT_AGENT_RUN_AGENT_H_
#define ELDR_CLIENT_AGENT_RUN_AGENT_H_

#include <ostream>
#include <string>
#include <vector>

namespace eldr::agent {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;

// Runs one command line; returns its exit code. `run` ends by SIGTERM or SIGINT: it drains and
// leaves, and a second signal makes it leave at once. It blocks both signals for the process.
int RunAgent(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err);

}  // namespace eldr::agent

#endif  // ELDR_CLIENT_AGENT_RUN_AGENT_H_

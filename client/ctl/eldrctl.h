// The command line of ELDR, apart from the process around it.
#ifndef ELDR_CLIENT_CTL_ELDRCTL_H_
#define ELDR_CLIENT_CTL_ELDRCTL_H_

#include <ostream>
#include <string>
#include <vector>

namespace eldr::ctl {

// What the process exits with.
inline constexpr int kExitOk = 0;
inline constexpr int kExitCallFailed = 1;
inline constexpr int kExitUsage = 2;

// Runs one command line (without the program's name). Answers and help go to `out`, errors to
// `err`. Reads the environment variables that the help names.
int RunEldrctl(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err);

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_ELDRCTL_H_

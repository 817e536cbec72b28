// What was built, for --version.
#ifndef ELDR_TOOLS_VERSION_VERSION_TEXT_H_
#define ELDR_TOOLS_VERSION_VERSION_TEXT_H_

namespace eldr {

// "0.1.0 (commit 1a2b3c4d5e6f, RelWithDebInfo, GNU 12.2.0)"; the commit is "unknown" where neither
// git nor ELDR_COMMIT told it.
extern const char kVersionText[];

}  // namespace eldr

#endif  // ELDR_TOOLS_VERSION_VERSION_TEXT_H_

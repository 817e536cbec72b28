// Options that say what a node has to do.
#ifndef ELDR_CLIENT_CTL_LOAD_OPTIONS_H_
#define ELDR_CLIENT_CTL_LOAD_OPTIONS_H_

#include <CLI/App.hpp>

#include "eldr/client/node_reporter.h"

namespace eldr::ctl {

// Declares --running, --queued, --kv-usage, --steps, --running-request, --complete-list,
// --finished-request and --finished-lease. `load` must outlive the parsing.
void AddLoadOptions(CLI::App& app, client::NodeLoad& load);

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_LOAD_OPTIONS_H_

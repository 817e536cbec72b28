// Options that say what a node is.
#ifndef ELDR_CLIENT_CTL_NODE_SPEC_OPTIONS_H_
#define ELDR_CLIENT_CTL_NODE_SPEC_OPTIONS_H_

#include <CLI/App.hpp>

#include "eldr/v1/fleet.pb.h"

namespace eldr::ctl {

// Declares --model, --address and all else of a node but its id, its heartbeat interval and its
// incarnation; --model and --address are required. `spec` must outlive the parsing.
void AddNodeSpecOptions(CLI::App& app, v1::NodeSpec& spec);

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_NODE_SPEC_OPTIONS_H_

// The table of nodes, for `nodes list` and `top`.
#ifndef ELDR_CLIENT_CTL_NODE_TABLE_H_
#define ELDR_CLIENT_CTL_NODE_TABLE_H_

#include <string>

#include "client/ctl/printer.h"
#include "eldr/v1/fleet.pb.h"

namespace eldr::ctl {

// "ready", "lost", "lost_in_panic", or "ready, draining".
std::string StateText(v1::NodeState state, bool draining);

void PrintNodes(const v1::ListNodesResponse& response, Printer out);

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_NODE_TABLE_H_

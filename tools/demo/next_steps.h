// How to look further, once the table is there.
#ifndef ELDR_TOOLS_DEMO_NEXT_STEPS_H_
#define ELDR_TOOLS_DEMO_NEXT_STEPS_H_

#include <string>

#include "tools/replay/grpc_backend.h"

namespace eldr::demo {

struct NextSteps {
  std::string eldrctl;
  std::string grpc_address;
  std::string http_address;
  bool alive = false;  // the daemon stays until Ctrl-C
};

// Commands that work on the daemon as it is now, with a node and a live request of `backend`.
std::string FormatNextSteps(const NextSteps& steps, const replay::GrpcBackend& backend);

}  // namespace eldr::demo

#endif  // ELDR_TOOLS_DEMO_NEXT_STEPS_H_

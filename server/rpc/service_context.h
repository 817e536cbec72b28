// What every service needs.
#ifndef ELDR_SERVER_RPC_SERVICE_CONTEXT_H_
#define ELDR_SERVER_RPC_SERVICE_CONTEXT_H_

#include "core/base/clock.h"
#include "core/policy/policy_settings.h"
#include "core/route/router.h"
#include "server/auth/audit.h"
#include "server/auth/authorizer.h"
#include "server/base/log.h"
#include "server/metrics/metrics.h"
#include "server/rpc/admission_queue.h"
#include "server/rpc/call_limits.h"
#include "server/rpc/in_flight_calls.h"
#include "server/state/state_store.h"

namespace eldr {

class EventLog;
class History;
class PlacementFeed;
class SignatureCapture;

// References that outlive the services.
struct ServiceContext {
  Router& router;
  InFlightCalls& calls;
  const Authorizer& authorizer;
  CallLimits& limits;
  // In which placements take turns.
  AdmissionQueue& placements;
  Audit& audit;
  Metrics& metrics;
  Log& log;
  const Clock& clock;
  // What a model gets that is declared by a call.
  PolicySettings default_policy;
  // Whether each placement leaves a line.
  bool log_requests = false;
  // nullptr if signatures are not recorded.
  SignatureCapture* capture = nullptr;
  // nullptr if events are not logged.
  EventLog* event_log = nullptr;
  // Of those who watch placements.
  PlacementFeed& feed;
  // nullptr if the state is not kept.
  StateStore* state = nullptr;
  // nullptr if there is no page that shows it.
  const History* history = nullptr;
};

// Sends an answer: at once or, if the state is kept with `always`, when all that the router has
// changed so far is on disk.
template <typename Answer>
void WhenKept(ServiceContext& context, Answer&& answer) {
  if (context.state == nullptr) {
    answer();
  } else {
    context.state->WhenKept(std::forward<Answer>(answer));
  }
}

}  // namespace eldr

#endif  // ELDR_SERVER_RPC_SERVICE_CONTEXT_H_

// A unary placement that waits for its signature.
#ifndef ELDR_SERVER_SERVICE_WAITING_PLACEMENT_H_
#define ELDR_SERVER_SERVICE_WAITING_PLACEMENT_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "absl/time/time.h"
#include "eldr/v1/placement.pb.h"
#include "server/rpc/received.h"
#include "server/rpc/service_context.h"

namespace eldr {

// The reactor of a Place that is answered when its signature arrives, after `wait` at the latest.
// It deletes itself when it is done.
grpc::ServerUnaryReactor* NewWaitingPlacement(ServiceContext& context,
                                              grpc::CallbackServerContext* rpc,
                                              const Received<v1::PlaceRequest>& received,
                                              v1::PlaceResponse* response, absl::Duration wait);

}  // namespace eldr

#endif  // ELDR_SERVER_SERVICE_WAITING_PLACEMENT_H_

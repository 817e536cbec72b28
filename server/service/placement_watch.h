// The stream of WatchPlacements.
#ifndef ELDR_SERVER_SERVICE_PLACEMENT_WATCH_H_
#define ELDR_SERVER_SERVICE_PLACEMENT_WATCH_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "eldr/v1/placement.pb.h"
#include "server/rpc/received.h"
#include "server/rpc/service_context.h"

namespace eldr {

// The stream deletes itself when it is done. A request that does not parse is answered with its
// status.
grpc::ServerWriteReactor<v1::WatchPlacementsResponse>* NewPlacementWatch(
    ServiceContext& context, const grpc::ServerContextBase& rpc,
    const Received<v1::WatchPlacementsRequest>& request);

}  // namespace eldr

#endif  // ELDR_SERVER_SERVICE_PLACEMENT_WATCH_H_

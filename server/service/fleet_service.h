// The gRPC face of the fleet; see fleet.proto.
#ifndef ELDR_SERVER_SERVICE_FLEET_SERVICE_H_
#define ELDR_SERVER_SERVICE_FLEET_SERVICE_H_

#include "eldr/v1/fleet.grpc.pb.h"
#include "server/rpc/method_table.h"

namespace eldr {

class FleetService final : public MethodTable<v1::FleetService> {
 public:
  // `context` must outlive it.
  explicit FleetService(ServiceContext& context);
};

}  // namespace eldr

#endif  // ELDR_SERVER_SERVICE_FLEET_SERVICE_H_

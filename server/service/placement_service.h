// The gRPC face of placement; see placement.proto.
#ifndef ELDR_SERVER_SERVICE_PLACEMENT_SERVICE_H_
#define ELDR_SERVER_SERVICE_PLACEMENT_SERVICE_H_

#include "eldr/v1/placement.grpc.pb.h"
#include "server/rpc/method_table.h"

namespace eldr {

class PlacementService final : public MethodTable<v1::PlacementService> {
 public:
  // `context` must outlive it.
  explicit PlacementService(ServiceContext& context);
};

}  // namespace eldr

#endif  // ELDR_SERVER_SERVICE_PLACEMENT_SERVICE_H_

// The placement service without placement.
#ifndef ELDR_BENCH_ECHO_ECHO_SERVICE_H_
#define ELDR_BENCH_ECHO_ECHO_SERVICE_H_

#include "eldr/v1/placement.grpc.pb.h"

namespace eldr {

// Answers every query with the same placement, of the size of a real one, and every release with
// DONE. Its messages and threads are the daemon's, so that the difference of the two is what the
// daemon does. Streams and the other calls are UNIMPLEMENTED. Thread-safe.
class EchoService final : public v1::PlacementService::CallbackService {
 public:
  EchoService();

  grpc::ServerUnaryReactor* Place(grpc::CallbackServerContext* rpc, const v1::PlaceRequest* request,
                                  v1::PlaceResponse* response) override;
  grpc::ServerUnaryReactor* ReleaseLease(grpc::CallbackServerContext* rpc,
                                         const v1::ReleaseLeaseRequest* request,
                                         v1::ReleaseLeaseResponse* response) override;

 private:
  v1::PlaceResponse placed_;
};

}  // namespace eldr

#endif  // ELDR_BENCH_ECHO_ECHO_SERVICE_H_

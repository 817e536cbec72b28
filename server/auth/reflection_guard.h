// Lets only those with the role `read` (or `admin`) use gRPC reflection.
#ifndef ELDR_SERVER_AUTH_REFLECTION_GUARD_H_
#define ELDR_SERVER_AUTH_REFLECTION_GUARD_H_

#include <grpcpp/support/server_interceptor.h>

#include "server/auth/audit.h"
#include "server/auth/authorizer.h"

namespace eldr {

// An interceptor, because the library's reflection service is not ours to change. It can cancel a
// call but not choose its status: whoever is refused hears CANCELLED, and the reason is in the
// audit line. Our own calls are authorized in UnaryCall and StreamAdmission; health is open to all.
class ReflectionGuard final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  // Both must outlive this.
  ReflectionGuard(const Authorizer& authorizer, Audit& audit)
      : authorizer_(authorizer), audit_(audit) {}

  // Owned by the caller; nullptr for other calls.
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override;

 private:
  const Authorizer& authorizer_;
  Audit& audit_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_AUTH_REFLECTION_GUARD_H_

#include "server/auth/reflection_guard.h"

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace eldr {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::ServerRpcInfo;

class Guard final : public grpc::experimental::Interceptor {
 public:
  Guard(const Authorizer& authorizer, Audit& audit, ServerRpcInfo* info)
      : authorizer_(authorizer), audit_(audit), info_(info) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_INITIAL_METADATA)) {
      const Verdict verdict = authorizer_.Authorize("reflection", {Role::kRead, Role::kAdmin},
                                                    *info_->server_context());
      if (!verdict.status.ok()) {
        audit_.OnRefused("reflection", verdict, *info_->server_context());
        info_->server_context()->TryCancel();
      }
    }
    methods->Proceed();
  }

 private:
  const Authorizer& authorizer_;
  Audit& audit_;
  ServerRpcInfo* const info_;
};

}  // namespace

grpc::experimental::Interceptor* ReflectionGuard::CreateServerInterceptor(ServerRpcInfo* info) {
  if (!absl::StartsWith(absl::string_view(info->method()), "/grpc.reflection.")) return nullptr;
  return new Guard(authorizer_, audit_, info);
}

}  // namespace eldr

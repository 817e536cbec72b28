// The methods of a service: what all of them go through, written once.
#ifndef ELDR_SERVER_RPC_METHOD_TABLE_H_
#define ELDR_SERVER_RPC_METHOD_TABLE_H_

#include <google/protobuf/descriptor.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/strings/string_view.h"
#include "core/base/status_macros.h"
#include "server/metrics/metrics.h"
#include "server/rpc/received.h"
#include "server/rpc/service_context.h"
#include "server/rpc/unary_call.h"

namespace eldr {

// A service registers each of its methods in its constructor, by one line. All of them run on
// gRPC's own threads and never block one, and all take Received<Request> instead of Request, so
// that what does not parse is answered here, and answered the same way everywhere. `ServiceType` is
// what protoc made of the service, v1::FleetService.
template <typename ServiceType>
class MethodTable : public ServiceType::Service {
 protected:
  // `context` must outlive the service.
  explicit MethodTable(ServiceContext& context) : context_(context) {}

  template <typename Request>
  using TargetOf = absl::string_view (*)(const Request&);

  // A unary call that `operation` answers at once. `target` tells what an administrative call acts
  // on.
  template <typename Request, typename Response>
  void Unary(Call call, absl::Status (*operation)(ServiceContext&, const Request&, Response*),
             std::type_identity_t<TargetOf<Request>> target = nullptr) {
    UnaryBy<Request, Response>(call, [&context = context_, call, operation, target](
                                         grpc::CallbackServerContext* rpc,
                                         const Received<Request>* request, Response* response) {
      const bool told = target != nullptr && request->status().ok();
      const std::string acts_on(told ? target(request->message()) : "");
      return AnswerCall(
          context, call, rpc, *request, *response,
          [&]() -> absl::Status {
            ELDR_RETURN_IF_ERROR(request->status());
            return operation(context, request->message(), response);
          },
          acts_on);
    });
  }

  // A unary call that has a reactor of its own.
  template <typename Request, typename Response>
  void UnaryBy(Call call,
               std::function<grpc::ServerUnaryReactor*(grpc::CallbackServerContext*,
                                                       const Received<Request>*, Response*)>
                   react) {
    using Handler = grpc::internal::CallbackUnaryHandler<Received<Request>, Response>;
    this->MarkMethodCallback(IndexOf(call), new Handler(std::move(react)));
  }

  // A stream of messages both ways, served by a MessageStream.
  template <typename Stream>
  void Bidirectional(Call call) {
    using Handler = grpc::internal::CallbackBidiHandler<Received<typename Stream::RequestType>,
                                                        typename Stream::ResponseType>;
    this->MarkMethodCallback(IndexOf(call),
                             new Handler([&context = context_](grpc::CallbackServerContext* rpc) {
                               auto* const stream = new Stream(context);
                               stream->Begin(*rpc);
                               return stream;
                             }));
  }

  // A stream of answers to one request.
  template <typename Request, typename Response>
  void Answers(Call call,
               std::function<grpc::ServerWriteReactor<Response>*(grpc::CallbackServerContext*,
                                                                 const Received<Request>*)>
                   react) {
    using Handler = grpc::internal::CallbackServerStreamingHandler<Received<Request>, Response>;
    this->MarkMethodCallback(IndexOf(call), new Handler(std::move(react)));
  }

  ServiceContext& context_;

 private:
  // As gRPC numbers methods: by their order in the service.
  static int IndexOf(Call call) {
    return google::protobuf::DescriptorPool::generated_pool()
        ->FindServiceByName(ServiceType::service_full_name())
        ->FindMethodByName(std::string(Name(call)))
        ->index();
  }
};

}  // namespace eldr

#endif  // ELDR_SERVER_RPC_METHOD_TABLE_H_

// The gRPC face of the models; see models.proto.
#ifndef ELDR_SERVER_SERVICE_MODEL_SERVICE_H_
#define ELDR_SERVER_SERVICE_MODEL_SERVICE_H_

#include "eldr/v1/models.grpc.pb.h"
#include "server/rpc/service_context.h"

namespace eldr {

// Runs on gRPC's own threads and never blocks one.
class ModelService final : public v1::ModelService::CallbackService {
 public:
  explicit ModelService(ServiceContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* DeclareModel(grpc::CallbackServerContext* rpc,
                                         const v1::DeclareModelRequest* request,
                                         v1::DeclareModelResponse* response) override;
  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* rpc,
                                       const v1::ListModelsRequest* request,
                                       v1::ListModelsResponse* response) override;
  grpc::ServerUnaryReactor* DescribeModel(grpc::CallbackServerContext* rpc,
                                          const v1::DescribeModelRequest* request,
                                          v1::DescribeModelResponse* response) override;

 private:
  ServiceContext& context_;
};

// What a call that declares a model does, from message to message.
absl::Status DeclareModel(ServiceContext& context, const v1::DeclareModelRequest& request,
                          v1::DeclareModelResponse* response);

// Declares a model, by call or by configuration: in the router, in the metrics and in the log.
// True if it was not declared before.
absl::StatusOr<bool> DeclareModel(ServiceContext& context, const ModelSpec& spec);

}  // namespace eldr

#endif  // ELDR_SERVER_SERVICE_MODEL_SERVICE_H_

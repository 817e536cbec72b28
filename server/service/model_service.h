// The gRPC face of the models; see models.proto.
#ifndef ELDR_SERVER_SERVICE_MODEL_SERVICE_H_
#define ELDR_SERVER_SERVICE_MODEL_SERVICE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eldr/v1/models.grpc.pb.h"
#include "server/rpc/method_table.h"

namespace eldr {

class ModelService final : public MethodTable<v1::ModelService> {
 public:
  // `context` must outlive it.
  explicit ModelService(ServiceContext& context);
};

// What the calls do, from message to message. Each fills its response, or answers an error and
// leaves the response to be thrown away.
absl::Status DeclareModel(ServiceContext& context, const v1::DeclareModelRequest& request,
                          v1::DeclareModelResponse* response);
absl::Status ListModels(ServiceContext& context, const v1::ListModelsRequest& request,
                        v1::ListModelsResponse* response);
absl::Status DescribeModel(ServiceContext& context, const v1::DescribeModelRequest& request,
                           v1::DescribeModelResponse* response);

// Declares a model, by call or by configuration: in the router, in the metrics and in the log.
// True if it was not declared before.
absl::StatusOr<bool> DeclareModel(ServiceContext& context, const ModelSpec& spec);
// The same for a model that a former process had: no limit refuses it.
absl::Status RedeclareModel(ServiceContext& context, const ModelSpec& spec);

}  // namespace eldr

#endif  // ELDR_SERVER_SERVICE_MODEL_SERVICE_H_

#include "server/service/model_service.h"

#include "core/base/status_macros.h"
#include "core/model/model_geometry.h"
#include "server/convert/proto_convert.h"
#include "server/record/event_log.h"
#include "server/rpc/unary_call.h"

namespace eldr {

absl::Status DeclareModel(ServiceContext& context, const v1::DeclareModelRequest& request,
                          v1::DeclareModelResponse* response) {
  ModelSpec spec{.name = request.name(),
                 .geometry = FromProto(request.geometry()),
                 .settings = context.default_policy};
  // A call names a policy, not its parameters: those of a declared model stand.
  const auto declared = context.router.DescribeModel(request.name());
  if (declared.ok()) spec.settings = declared->spec.settings;
  if (!request.policy().empty()) spec.settings.policy = request.policy();
  bool created = false;
  ELDR_ASSIGN_OR_RETURN(created, DeclareModel(context, spec));
  ModelDescription description;
  ELDR_ASSIGN_OR_RETURN(description, context.router.DescribeModel(request.name()));
  ToProto(description.spec, response->mutable_model());
  response->set_created(created);
  return absl::OkStatus();
}

absl::StatusOr<bool> DeclareModel(ServiceContext& context, const ModelSpec& spec) {
  bool created = false;
  ELDR_ASSIGN_OR_RETURN(created, context.router.DeclareModel(spec));
  if (created) {
    context.metrics.AddModel(spec.name, spec.settings.policy);
    if (context.event_log != nullptr) context.event_log->OnModelDeclared(spec);
    context.log.Info("model_declared", {{"model", spec.name},
                                        {"geometry", DescribeGeometry(spec.geometry)},
                                        {"policy", spec.settings.policy}});
  }
  return created;
}

grpc::ServerUnaryReactor* ModelService::DeclareModel(grpc::CallbackServerContext* rpc,
                                                     const v1::DeclareModelRequest* request,
                                                     v1::DeclareModelResponse* response) {
  return AnswerCall(
      context_, Call::kDeclareModel, rpc,
      [&] { return eldr::DeclareModel(context_, *request, response); }, request->name());
}

grpc::ServerUnaryReactor* ModelService::ListModels(grpc::CallbackServerContext* rpc,
                                                   const v1::ListModelsRequest* /*request*/,
                                                   v1::ListModelsResponse* response) {
  return AnswerCall(context_, Call::kListModels, rpc, [&] {
    for (const ModelDescription& model : context_.router.ListModels()) {
      ToProto(model.spec, response->add_models());
    }
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* ModelService::DescribeModel(grpc::CallbackServerContext* rpc,
                                                      const v1::DescribeModelRequest* request,
                                                      v1::DescribeModelResponse* response) {
  return AnswerCall(context_, Call::kDescribeModel, rpc, [&]() -> absl::Status {
    ModelDescription description;
    ELDR_ASSIGN_OR_RETURN(description, context_.router.DescribeModel(request->name()));
    ToProto(description, response);
    return absl::OkStatus();
  });
}

}  // namespace eldr

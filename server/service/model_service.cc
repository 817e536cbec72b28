#include "server/service/model_service.h"

#include <string>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "core/model/model_geometry.h"
#include "server/convert/proto_convert.h"
#include "server/record/event_log.h"
#include "server/service/list_page.h"

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

absl::Status ListModels(ServiceContext& context, const v1::ListModelsRequest& request,
                        v1::ListModelsResponse* response) {
  std::string after;
  if (!request.page_token().empty()) {
    std::vector<std::string> place;
    ELDR_ASSIGN_OR_RETURN(place, ParsePageToken("models", request.page_token(), 1));
    after = std::move(place[0]);
  }
  const std::size_t most = PageElements(request.page_size());
  const std::vector<ModelDescription> models = context.router.ListModels(after, most + 1);
  const std::size_t shown =
      FillPage(models, most, response->mutable_models(),
               [](const ModelDescription& model, v1::Model* proto) { ToProto(model.spec, proto); });
  if (shown < models.size()) {
    response->set_next_page_token(MakePageToken("models", {models[shown - 1].spec.name}));
  }
  return absl::OkStatus();
}

absl::Status DescribeModel(ServiceContext& context, const v1::DescribeModelRequest& request,
                           v1::DescribeModelResponse* response) {
  ModelDescription description;
  ELDR_ASSIGN_OR_RETURN(description, context.router.DescribeModel(request.name()));
  ToProto(description, response);
  return absl::OkStatus();
}

namespace {

void TellOfModel(ServiceContext& context, const ModelSpec& spec) {
  context.metrics.AddModel(spec.name, spec.settings.policy);
  if (context.event_log != nullptr) context.event_log->OnModelDeclared(spec);
  context.log.Info("model_declared", {{"model", spec.name},
                                      {"geometry", DescribeGeometry(spec.geometry)},
                                      {"policy", spec.settings.policy}});
}

}  // namespace

absl::StatusOr<bool> DeclareModel(ServiceContext& context, const ModelSpec& spec) {
  bool created = false;
  ELDR_ASSIGN_OR_RETURN(created, context.router.DeclareModel(spec));
  if (created) TellOfModel(context, spec);
  return created;
}

absl::Status RedeclareModel(ServiceContext& context, const ModelSpec& spec) {
  bool created = false;
  ELDR_ASSIGN_OR_RETURN(created, context.router.RedeclareModel(spec));
  if (created) TellOfModel(context, spec);
  return absl::OkStatus();
}

ModelService::ModelService(ServiceContext& context) : MethodTable(context) {
  Unary<v1::DeclareModelRequest, v1::DeclareModelResponse>(
      Call::kDeclareModel, eldr::DeclareModel,
      [](const v1::DeclareModelRequest& request) -> absl::string_view { return request.name(); });
  Unary(Call::kListModels, eldr::ListModels);
  Unary(Call::kDescribeModel, eldr::DescribeModel);
}

}  // namespace eldr

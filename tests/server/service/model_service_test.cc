#include "gmock/gmock.h"
#include "tests/server/daemon_fixture.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;
using Code = absl::StatusCode;

class ModelServiceTest : public DaemonTest {
 protected:
  static v1::DeclareModelRequest Declaration() {
    v1::DeclareModelRequest request;
    request.set_name("declared");
    request.mutable_geometry()->set_layers(2);
    request.mutable_geometry()->set_experts(4);
    request.mutable_geometry()->set_top_k(2);
    return request;
  }
  absl::Status Declare(const v1::DeclareModelRequest& request,
                       v1::DeclareModelResponse* response = nullptr) {
    grpc::ClientContext context;
    v1::DeclareModelResponse unused;
    return FromGrpc(
        models_->DeclareModel(&context, request, response == nullptr ? &unused : response));
  }
};

TEST_F(ModelServiceTest, DeclaringAgainIsFineWithTheSameGeometryOnly) {
  StartDaemon();
  v1::DeclareModelResponse response;
  ASSERT_THAT(Declare(Declaration(), &response), IsOk());
  EXPECT_TRUE(response.created());
  EXPECT_EQ(response.model().policy(), "residency");
  ASSERT_THAT(Declare(Declaration(), &response), IsOk());
  EXPECT_FALSE(response.created());

  v1::DeclareModelRequest other = Declaration();
  other.mutable_geometry()->set_top_k(1);
  EXPECT_THAT(Declare(other), StatusIs(Code::kFailedPrecondition, HasSubstr("top-2")));
  v1::DeclareModelRequest policy = Declaration();
  policy.set_policy("random");
  EXPECT_THAT(Declare(policy), StatusIs(Code::kFailedPrecondition, HasSubstr("policy")));
}

TEST_F(ModelServiceTest, ADeclarationAgreesWithTheConfiguredModelWhateverItsParameters) {
  Config config = TestConfig();
  config.models = {{.name = "declared",
                    .geometry = {.layers = 2, .experts = 4, .top_k = 2, .moe_hidden_layers = {}},
                    .settings = {}}};
  config.models[0].settings.policy = "least_loaded";
  config.models[0].settings.estimate.kappa = 9;
  StartDaemon(config);
  v1::DeclareModelResponse response;
  ASSERT_THAT(Declare(Declaration(), &response), IsOk());
  EXPECT_FALSE(response.created());
  EXPECT_EQ(response.model().policy(), "least_loaded");
  v1::DeclareModelRequest named = Declaration();
  named.set_policy("least_loaded");
  EXPECT_THAT(Declare(named), IsOk());

  grpc::ClientContext context;
  v1::DescribeModelRequest request;
  request.set_name("declared");
  v1::DescribeModelResponse description;
  ASSERT_THAT(FromGrpc(models_->DescribeModel(&context, request, &description)), IsOk());
  EXPECT_EQ(description.parameters().at("kappa"), 9);
  EXPECT_EQ(description.model().geometry().experts(), 4u);
}

TEST_F(ModelServiceTest, RefusesBadDeclarations) {
  StartDaemon();
  v1::DeclareModelRequest unnamed = Declaration();
  unnamed.clear_name();
  EXPECT_THAT(Declare(unnamed), StatusIs(Code::kInvalidArgument, HasSubstr("name: got 0 bytes")));
  v1::DeclareModelRequest shapeless = Declaration();
  shapeless.clear_geometry();
  EXPECT_THAT(Declare(shapeless), StatusIs(Code::kInvalidArgument, HasSubstr("layers")));
  v1::DeclareModelRequest huge = Declaration();
  huge.mutable_geometry()->set_layers(1024);
  huge.mutable_geometry()->set_experts(4096);
  EXPECT_THAT(Declare(huge), StatusIs(Code::kInvalidArgument, HasSubstr("262")));
  v1::DeclareModelRequest unknown = Declaration();
  unknown.set_policy("best");
  EXPECT_THAT(Declare(unknown), StatusIs(Code::kInvalidArgument, HasSubstr("\"best\"")));
  grpc::ClientContext context;
  v1::ListModelsResponse list;
  ASSERT_THAT(FromGrpc(models_->ListModels(&context, {}, &list)), IsOk());
  EXPECT_EQ(list.models_size(), 0);
}

TEST_F(ModelServiceTest, ListsByNameAndKnowsWhatIsNotDeclared) {
  StartDaemon();
  v1::DeclareModelRequest second = Declaration();
  second.set_name("another");
  ASSERT_THAT(Declare(Declaration()), IsOk());
  ASSERT_THAT(Declare(second), IsOk());
  grpc::ClientContext context;
  v1::ListModelsResponse list;
  ASSERT_THAT(FromGrpc(models_->ListModels(&context, {}, &list)), IsOk());
  ASSERT_EQ(list.models_size(), 2);
  EXPECT_EQ(list.models(0).name(), "another");
  EXPECT_EQ(list.next_page_token(), "");

  v1::ListModelsRequest page;
  page.set_page_size(1);
  for (const char* const name : {"another", "declared"}) {
    grpc::ClientContext page_context;
    ASSERT_THAT(FromGrpc(models_->ListModels(&page_context, page, &list)), IsOk());
    ASSERT_EQ(list.models_size(), 1);
    EXPECT_EQ(list.models(0).name(), name);
    page.set_page_token(list.next_page_token());
  }
  EXPECT_EQ(page.page_token(), "");
  page.set_page_token("declared");
  grpc::ClientContext bad_context;
  EXPECT_THAT(FromGrpc(models_->ListModels(&bad_context, page, &list)),
              StatusIs(Code::kInvalidArgument, HasSubstr("page_token: got \"declared\"")));

  grpc::ClientContext describe_context;
  v1::DescribeModelRequest request;
  request.set_name("x");
  v1::DescribeModelResponse description;
  EXPECT_THAT(FromGrpc(models_->DescribeModel(&describe_context, request, &description)),
              StatusIs(Code::kNotFound, HasSubstr("\"x\"")));
}

}  // namespace
}  // namespace eldr

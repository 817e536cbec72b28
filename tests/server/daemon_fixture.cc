#include "tests/server/daemon_fixture.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <httplib.h>

#include <chrono>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "tests/support/status_matchers.h"

namespace eldr {

v1::ExpertSignature TestSignature() {
  v1::ExpertSignature signature;
  signature.set_tokens(3);
  signature.mutable_dense()->set_encoding(v1::COUNT_ENCODING_UINT8);
  signature.mutable_dense()->set_data(std::string("\3\3\0\0\3\3\0\0", 8));
  return signature;
}

v1::PlaceRequest TestQuery(const std::string& request_id) {
  v1::PlaceRequest request;
  request.set_model(kModel);
  request.set_request_id(request_id);
  return request;
}

v1::PushSignatureRequest TestPush(const std::string& request_id) {
  v1::PushSignatureRequest request;
  request.set_model(kModel);
  request.set_request_id(request_id);
  *request.mutable_signature() = TestSignature();
  return request;
}

absl::Status FromGrpc(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

Config DaemonTest::TestConfig() {
  Config config;
  config.grpc.listen = {"127.0.0.1:0"};
  config.http.listen = "127.0.0.1:0";
  config.shutdown_delay = absl::ZeroDuration();
  return config;
}

void DaemonTest::StartDaemon(const Config& config) {
  auto daemon = Daemon::Start(config, clock_, std::make_shared<NoOutput>());
  ASSERT_THAT(daemon, IsOk());
  daemon_ = *std::move(daemon);
  Connect();
}

void DaemonTest::Connect() {
  channel_ = grpc::CreateChannel(grpc_target(), grpc::InsecureChannelCredentials());
  placement_ = v1::PlacementService::NewStub(channel_);
  fleet_ = v1::FleetService::NewStub(channel_);
  models_ = v1::ModelService::NewStub(channel_);
}

void DaemonTest::DeclareTestModel() {
  v1::DeclareModelRequest request;
  request.set_name(kModel);
  request.mutable_geometry()->set_layers(2);
  request.mutable_geometry()->set_experts(4);
  request.mutable_geometry()->set_top_k(2);
  grpc::ClientContext context;
  v1::DeclareModelResponse response;
  ASSERT_THAT(FromGrpc(models_->DeclareModel(&context, request, &response)), IsOk());
}

void DaemonTest::RegisterTestNode(const std::string& node_id, std::uint32_t capacity) {
  v1::NodeSpec spec;
  spec.set_node_id(node_id);
  spec.set_model(kModel);
  spec.set_address(absl::StrCat(node_id, ".test:8000"));
  spec.set_capacity(capacity);
  ASSERT_THAT(FromGrpc(Register(spec)), IsOk());
}

grpc::Status DaemonTest::Place(const std::string& request_id, v1::PlaceResponse* response) {
  return Place(TestQuery(request_id), response);
}

grpc::Status DaemonTest::Place(const v1::PlaceRequest& request, v1::PlaceResponse* response) {
  grpc::ClientContext context;
  v1::PlaceResponse unused;
  return placement_->Place(&context, request, response == nullptr ? &unused : response);
}

grpc::Status DaemonTest::Push(const v1::PushSignatureRequest& request,
                              v1::PushSignatureResponse* response) {
  grpc::ClientContext context;
  v1::PushSignatureResponse unused;
  return placement_->PushSignature(&context, request, response == nullptr ? &unused : response);
}

grpc::Status DaemonTest::Register(const v1::NodeSpec& spec, v1::RegisterNodeResponse* response) {
  grpc::ClientContext context;
  v1::RegisterNodeRequest request;
  *request.mutable_node() = spec;
  v1::RegisterNodeResponse unused;
  return fleet_->RegisterNode(&context, request, response == nullptr ? &unused : response);
}

grpc::Status DaemonTest::Heartbeat(const v1::HeartbeatRequest& request,
                                   v1::HeartbeatResponse* response) {
  grpc::ClientContext context;
  v1::HeartbeatResponse unused;
  return fleet_->Heartbeat(&context, request, response == nullptr ? &unused : response);
}

v1::DescribeModelResponse DaemonTest::Describe() {
  grpc::ClientContext context;
  v1::DescribeModelRequest request;
  request.set_name(kModel);
  v1::DescribeModelResponse response;
  EXPECT_THAT(FromGrpc(models_->DescribeModel(&context, request, &response)), IsOk());
  return response;
}

std::string DaemonTest::Get(const std::string& path) {
  httplib::Client client("127.0.0.1", daemon_->http_address().port);
  const httplib::Result result = client.Get(path.c_str());
  if (!result) return "";
  return result->status == 200 ? result->body : absl::StrCat("status ", result->status);
}

double DaemonTest::Metric(absl::string_view series) {
  const std::string page = Get("/metrics");
  for (absl::string_view line : absl::StrSplit(page, '\n')) {
    double value = 0;
    if (absl::ConsumePrefix(&line, series) && absl::ConsumePrefix(&line, " ") &&
        absl::SimpleAtod(line, &value)) {
      return value;
    }
  }
  return -1;
}

}  // namespace eldr

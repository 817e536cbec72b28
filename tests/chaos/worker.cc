// A client of eldrd that chaos tests freeze, cut off and kill:
//
//   chaos_worker node TARGET ID         registers and sends a heartbeat every 100 ms, each a call
//   chaos_worker frontend TARGET N TTL  places N requests, with leases of TTL seconds
//   chaos_worker deaf TARGET            asks on a stream without end and reads no answer
//   chaos_worker stream TARGET ID       the same, on a stream
//
// Says "ready" on standard output once it is where the test wants it, and then lives until killed.
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "eldr/client/client.h"
#include "eldr/v1/placement.grpc.pb.h"

namespace eldr {
namespace {

using std::chrono::milliseconds;

void SayReady() {
  std::puts("ready");
  std::fflush(stdout);
}

[[noreturn]] void LiveOn() {
  while (true) pause();
}

void SetDeadline(grpc::ClientContext& context, milliseconds timeout) {
  context.set_deadline(std::chrono::system_clock::now() + timeout);
}

// Reports a node that never has anything to do.
[[noreturn]] void BeNode(const std::shared_ptr<grpc::Channel>& channel, const std::string& node_id,
                         client::NodeReporterOptions options) {
  v1::NodeSpec spec;
  spec.set_node_id(node_id);
  spec.set_model("m");
  spec.set_address(node_id + ":1");
  spec.set_incarnation(1);
  spec.mutable_heartbeat_interval()->set_nanos(100'000'000);
  client::Options connection;
  connection.channel = channel;
  connection.timeout = absl::Seconds(1);
  bool said = false;
  options.on_change = [&said](const client::NodeStatus& status) {
    if (said || status.state != v1::NODE_STATE_READY) return;
    SayReady();
    said = true;
  };
  const auto client = client::Client::Create(connection);
  if (!client.ok()) std::exit(1);
  const auto reporter = client::NodeReporter::Create(
      **client, spec, []() -> absl::StatusOr<client::NodeLoad> { return client::NodeLoad(); },
      options);
  if (!reporter.ok()) std::exit(1);
  (*reporter)->Start();
  LiveOn();
}

[[noreturn]] void BeFrontend(const std::shared_ptr<grpc::Channel>& channel, int requests, int ttl) {
  const auto stub = v1::PlacementService::NewStub(channel);
  for (int i = 0; i < requests; ++i) {
    grpc::ClientContext context;
    SetDeadline(context, milliseconds(10'000));
    v1::PlaceRequest request;
    request.set_model("m");
    request.set_request_id("doomed-" + std::to_string(i));
    request.mutable_lease_ttl()->set_seconds(ttl);
    v1::PlaceResponse response;
    const grpc::Status status = stub->Place(&context, request, &response);
    if (!status.ok()) {
      std::printf("not placed: %s\n", status.error_message().c_str());
      std::exit(1);
    }
  }
  SayReady();
  LiveOn();
}

[[noreturn]] void BeDeaf(const std::shared_ptr<grpc::Channel>& channel) {
  const auto stub = v1::PlacementService::NewStub(channel);
  grpc::ClientContext context;
  const auto stream = stub->StreamPlacements(&context);
  v1::StreamPlacementsRequest request;
  request.mutable_place()->set_model("m");
  request.mutable_place()->mutable_lease_ttl()->set_seconds(2);
  SayReady();
  for (std::uint64_t id = 1;; ++id) {
    request.set_id(id);
    request.mutable_place()->set_request_id("deaf-" + std::to_string(id % 100));
    if (!stream->Write(request)) LiveOn();
  }
}

std::shared_ptr<grpc::Channel> Connect(const std::string& target) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  // So that a stream which is not read from fills up soon.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

int Run(const std::vector<std::string>& arguments) {
  if (arguments.size() >= 3) {
    const std::string& role = arguments[1];
    const auto channel = Connect(arguments[2]);
    if (role == "node" && arguments.size() == 4) BeNode(channel, arguments[3], {.stream = false});
    if (role == "frontend" && arguments.size() == 5) {
      BeFrontend(channel, std::atoi(arguments[3].c_str()), std::atoi(arguments[4].c_str()));
    }
    if (role == "deaf" && arguments.size() == 3) BeDeaf(channel);
    if (role == "stream" && arguments.size() == 4) BeNode(channel, arguments[3], {.stream = true});
  }
  std::fputs("chaos_worker: expected node, frontend, deaf or stream, and a target\n", stderr);
  return 2;
}

}  // namespace
}  // namespace eldr

int main(int argc, char** argv) { return eldr::Run({argv, argv + argc}); }

// A daemon in the test's own process: real sockets on free ports, a clock that the test moves.
#ifndef ELDR_TESTS_SERVER_DAEMON_FIXTURE_H_
#define ELDR_TESTS_SERVER_DAEMON_FIXTURE_H_

#include <grpcpp/channel.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "eldr/v1/fleet.grpc.pb.h"
#include "eldr/v1/models.grpc.pb.h"
#include "eldr/v1/placement.grpc.pb.h"
#include "server/config/config.h"
#include "server/daemon.h"
#include "tests/support/fake_clock.h"

namespace eldr {

// The model that tests declare: 2 layers x 4 experts, top-2.
inline constexpr char kModel[] = "m";

// A full signature of three tokens for that model: experts 0 and 1 in both layers.
v1::ExpertSignature TestSignature();

// What a call answered, for IsOk() and StatusIs().
absl::Status FromGrpc(const grpc::Status& status);

// True once `condition` holds; false if it does not within ten seconds.
bool Eventually(const std::function<bool()>& condition);

class DaemonTest : public ::testing::Test {
 protected:
  // Free ports, no shutdown_delay.
  static Config TestConfig();

  void StartDaemon(const Config& config = TestConfig());
  // Points the stubs at daemon_, in plaintext and without a token.
  void Connect();
  void DeclareTestModel();
  // A node that sends no heartbeats, so it is ready at once.
  void RegisterTestNode(const std::string& node_id, std::uint32_t capacity = 0);

  grpc::Status Place(const std::string& request_id, v1::PlaceResponse* response = nullptr);
  grpc::Status Place(const v1::PlaceRequest& request, v1::PlaceResponse* response = nullptr);
  grpc::Status Push(const v1::PushSignatureRequest& request,
                    v1::PushSignatureResponse* response = nullptr);
  grpc::Status Register(const v1::NodeSpec& spec, v1::RegisterNodeResponse* response = nullptr);
  grpc::Status Heartbeat(const v1::HeartbeatRequest& request,
                         v1::HeartbeatResponse* response = nullptr);
  v1::DescribeModelResponse Describe();

  // The body of a page, or "status N" if it is not 200, or "" if nobody answers.
  std::string Get(const std::string& path);
  // The value of a series as /metrics has it, e.g. `eldr_node_leases{model="m",node="a"}`; -1 if
  // there is none.
  double Metric(absl::string_view series);

  std::string grpc_target() const { return daemon_->grpc_addresses().front().ToString(); }
  std::shared_ptr<grpc::Channel> channel() const { return channel_; }

  FakeClock clock_;
  std::unique_ptr<Daemon> daemon_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::PlacementService::Stub> placement_;
  std::unique_ptr<v1::FleetService::Stub> fleet_;
  std::unique_ptr<v1::ModelService::Stub> models_;
};

v1::PlaceRequest TestQuery(const std::string& request_id);
v1::PushSignatureRequest TestPush(const std::string& request_id);

}  // namespace eldr

#endif  // ELDR_TESTS_SERVER_DAEMON_FIXTURE_H_

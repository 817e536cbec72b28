#include "server/daemon.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/server/daemon_fixture.h"
#include "tests/server/http/http_client.h"
#include "tests/server/string_output.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;
using Code = absl::StatusCode;

// One message there, one back, for services whose protos the platform does not ship.
absl::StatusOr<std::string> CallRaw(const std::shared_ptr<grpc::Channel>& channel,
                                    const std::string& method, const std::string& request) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareCall(&context, method, &queue);
  void* tag = nullptr;
  bool ok = false;
  call->StartCall(nullptr);
  queue.Next(&tag, &ok);
  const grpc::Slice slice(request);
  call->WriteLast(grpc::ByteBuffer(&slice, 1), {}, nullptr);
  queue.Next(&tag, &ok);
  grpc::ByteBuffer answer;
  call->Read(&answer, nullptr);
  queue.Next(&tag, &ok);
  grpc::Status status;
  call->Finish(&status, nullptr);
  queue.Next(&tag, &ok);
  if (!status.ok()) return FromGrpc(status);
  grpc::Slice whole;
  if (!answer.DumpToSingleSlice(&whole).ok()) return absl::InternalError("no answer");
  return std::string(reinterpret_cast<const char*>(whole.begin()), whole.size());
}

// "serving", "not serving", or the error.
std::string Health(const std::shared_ptr<grpc::Channel>& channel, const std::string& service) {
  const std::string request =
      service.empty() ? "" : absl::StrCat("\x0a", std::string(1, char(service.size())), service);
  const auto answer = CallRaw(channel, "/grpc.health.v1.Health/Check", request);
  if (!answer.ok()) return answer.status().ToString();
  if (*answer == "\x08\x01") return "serving";
  return *answer == "\x08\x02" ? "not serving" : "unknown";
}

class DaemonLifeTest : public DaemonTest {};

std::string Http2Frame(char type, char flags, char stream, absl::string_view payload) {
  const std::size_t size = payload.size();
  return absl::StrCat(std::string{static_cast<char>(size >> 16), static_cast<char>(size >> 8),
                                  static_cast<char>(size), type, flags, 0, 0, 0, stream},
                      payload);
}

TEST_F(DaemonLifeTest, MetadataWithoutEndIsNotTakenWithoutEnd) {
  StartDaemon();
  const std::string header = absl::StrCat(std::string("\0\3x-a\x64", 6), std::string(100, 'v'));
  std::string more;
  while (more.size() < 1 << 20) more += Http2Frame(9, 0, 1, header);
  // A call begins, ":method POST" and ":scheme http", and goes on with headers of 100 bytes.
  const RawClient flooding(daemon_->grpc_addresses()[0].port);
  flooding.Send(absl::StrCat("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Http2Frame(4, 0, 0, ""),
                             Http2Frame(1, 0, 1, "\x83\x86")));
  // Until the connection is ended, or gRPC's memory is full and it is not read from any more: then
  // its keepalive ends it. Which of both comes first depends on how fast this machine reads.
  int mebibytes = 0;
  while (mebibytes < 2000 && flooding.SendAll(more)) ++mebibytes;
  EXPECT_LT(mebibytes, 2000);
  EXPECT_EQ(Health(channel(), "readiness"), "serving");
}

TEST_F(DaemonLifeTest, HealthAnswersForItsNamesAndTheServices) {
  StartDaemon();
  for (const char* const name : {"", "liveness", "readiness", "eldr.v1.PlacementService",
                                 "eldr.v1.FleetService", "eldr.v1.ModelService"}) {
    EXPECT_EQ(Health(channel(), name), "serving") << name;
  }
  EXPECT_THAT(Health(channel(), "other"), HasSubstr("NOT_FOUND"));
}

TEST_F(DaemonLifeTest, ReflectionListsTheServicesUnlessItIsOff) {
  const std::string method = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
  const std::string list_services("\x3a\x00", 2);
  StartDaemon();
  const auto answer = CallRaw(channel(), method, list_services);
  ASSERT_THAT(answer, IsOk());
  for (const char* const service : {"PlacementService", "FleetService", "ModelService"}) {
    EXPECT_THAT(*answer, HasSubstr(absl::StrCat("eldr.v1.", service)));
  }
  daemon_.reset();
  Config config = TestConfig();
  config.grpc.reflection = false;
  StartDaemon(config);
  EXPECT_THAT(CallRaw(channel(), method, list_services), StatusIs(Code::kUnimplemented));
}

TEST_F(DaemonLifeTest, ListensOnSeveralAddresses) {
  const std::string socket = absl::StrCat("unix:", ::testing::TempDir(), "/eldrd_test.sock");
  Config config = TestConfig();
  config.grpc.listen = {"127.0.0.1:0", socket};
  StartDaemon(config);
  ASSERT_EQ(daemon_->grpc_addresses().size(), 2u);
  EXPECT_GT(daemon_->grpc_addresses()[0].port, 0);
  EXPECT_EQ(Health(grpc::CreateChannel(socket, grpc::InsecureChannelCredentials()), ""), "serving");
}

TEST_F(DaemonLifeTest, APortThatIsTakenStopsTheStart) {
  StartDaemon();
  Config config = TestConfig();
  config.grpc.listen = {grpc_target()};
  EXPECT_THAT(Daemon::Start(config, clock_, std::make_shared<NoOutput>()),
              StatusIs(Code::kUnavailable, HasSubstr(grpc_target())));
  Config http = TestConfig();
  http.http.listen = daemon_->http_address().ToString();
  EXPECT_THAT(Daemon::Start(http, clock_, std::make_shared<NoOutput>()),
              StatusIs(Code::kUnavailable, HasSubstr("http.listen: cannot listen")));
}

TEST_F(DaemonLifeTest, ReadinessGoesFirstAndCallsAreServedForTheDelay) {
  Config config = TestConfig();
  config.shutdown_delay = absl::Seconds(1);
  StartDaemon(config);
  DeclareTestModel();
  RegisterTestNode("a");
  ASSERT_THAT(FromGrpc(Place("r")), IsOk());
  std::thread stop([&] { daemon_->Stop(); });
  EXPECT_TRUE(Eventually([&] { return Get("/readyz") == "status 503"; }));
  EXPECT_EQ(Get("/health"), "status 503");
  EXPECT_EQ(Get("/livez"), "ok\n");
  for (const char* const name : {"readiness", "eldr.v1.PlacementService", "eldr.v1.FleetService"}) {
    EXPECT_EQ(Health(channel(), name), "not serving") << name;
  }
  EXPECT_EQ(Health(channel(), ""), "not serving");
  EXPECT_EQ(Health(channel(), "liveness"), "serving");
  EXPECT_THAT(FromGrpc(Place("r2")), IsOk()) << "within the delay";
  stop.join();
  EXPECT_THAT(FromGrpc(Place("r3")), StatusIs(Code::kUnavailable)) << "after it";
  EXPECT_EQ(Get("/livez"), "");
}

TEST_F(DaemonLifeTest, NeitherLeasesNorHealthWatchersDelayTheEnd) {
  StartDaemon();
  DeclareTestModel();
  RegisterTestNode("a");
  ASSERT_THAT(FromGrpc(Place("r")), IsOk());
  // A watch of the health service stays open until the server cancels it.
  grpc::GenericStub stub(channel());
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto watch = stub.PrepareCall(&context, "/grpc.health.v1.Health/Watch", &queue);
  void* tag = nullptr;
  bool ok = false;
  watch->StartCall(nullptr);
  queue.Next(&tag, &ok);
  const grpc::Slice everything("");
  watch->WriteLast(grpc::ByteBuffer(&everything, 1), {}, nullptr);
  queue.Next(&tag, &ok);
  grpc::ByteBuffer message;
  watch->Read(&message, nullptr);
  queue.Next(&tag, &ok);
  ASSERT_TRUE(ok);
  const absl::Time start = absl::Now();
  daemon_->Stop();
  EXPECT_LT(absl::Now() - start, absl::Seconds(10)) << "drain_timeout is 30 s";
  // A status comes after all messages, and this one has the change of readiness in between.
  while (ok) {
    watch->Read(&message, nullptr);
    queue.Next(&tag, &ok);
  }
  grpc::Status status;
  watch->Finish(&status, nullptr);
  queue.Next(&tag, &ok);
  EXPECT_FALSE(status.ok());
}

TEST_F(DaemonLifeTest, StartsOnItsConfiguredModels) {
  Config config = TestConfig();
  config.models = {{.name = kModel,
                    .geometry = {.layers = 2, .experts = 4, .top_k = 2, .moe_hidden_layers = {}},
                    .settings = {}}};
  StartDaemon(config);
  EXPECT_EQ(Describe().model().geometry().layers(), 2u);
  RegisterTestNode("a");
  EXPECT_THAT(FromGrpc(Place("r")), IsOk());
  EXPECT_EQ(Metric(R"(eldr_placement_decision_seconds_count{model="m"})"), 1);
}

TEST_F(DaemonLifeTest, EqualSeedsGiveEqualPlacements) {
  Config config = TestConfig();
  config.default_policy.policy = "random";
  const auto run = [&](std::uint64_t seed) {
    config.router.seed = seed;
    StartDaemon(config);
    DeclareTestModel();
    for (const char* const node : {"a", "b", "c"}) RegisterTestNode(node);
    std::string nodes;
    for (int i = 0; i < 40; ++i) {
      v1::PlaceResponse placed;
      EXPECT_THAT(FromGrpc(Place(absl::StrCat("r", i), &placed)), IsOk());
      nodes += placed.node().node_id();
    }
    daemon_.reset();
    return nodes;
  };
  const std::string first = run(5);
  EXPECT_EQ(run(5), first);
  EXPECT_NE(run(6), first);
}

// A line per change of state, none per request unless asked.
TEST_F(DaemonLifeTest, LogsChangesOfState) {
  for (const bool requests : {false, true}) {
    const auto out = std::make_shared<StringOutput>();
    Config config = TestConfig();
    config.log.requests = requests;
    auto daemon = Daemon::Start(config, clock_, out);
    ASSERT_THAT(daemon, IsOk());
    daemon_ = *std::move(daemon);
    channel_ = grpc::CreateChannel(grpc_target(), grpc::InsecureChannelCredentials());
    placement_ = v1::PlacementService::NewStub(channel_);
    fleet_ = v1::FleetService::NewStub(channel_);
    models_ = v1::ModelService::NewStub(channel_);
    DeclareTestModel();
    RegisterTestNode("a");
    ASSERT_THAT(FromGrpc(Place("some-request")), IsOk());
    daemon_.reset();
    const std::string lines = out->text();
    for (const char* const event :
         {"started", "model_declared", "node_registered", "stopping", "stopped"}) {
      EXPECT_THAT(lines, HasSubstr(absl::StrCat("info ", event)));
    }
    EXPECT_THAT(lines, HasSubstr("model=m node=a address=a.test:8000"));
    EXPECT_EQ(absl::StrContains(lines, "some-request"), requests) << lines;
  }
}

}  // namespace
}  // namespace eldr

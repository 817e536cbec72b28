// Nodes that the real daemon finds: in a file, and in a cluster whose API server misbehaves.
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/base/config.h"
#include "absl/strings/str_cat.h"
#include "eldr/v1/fleet.grpc.pb.h"
#include "eldr/v1/placement.grpc.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/chaos/eldrd_process.h"
#include "tests/server/daemon_fixture.h"
#include "tests/server/discovery/fake_api_server.h"
#include "tests/support/temp_dir.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Event = FakeApiServer::Event;
using Pod = FakeApiServer::Pod;

EldrdProcess::Settings With(const std::string& sections) {
  EldrdProcess::Settings settings;
  settings.more = sections;
  return settings;
}

// The pauses after failures grow to half a minute.
constexpr absl::Duration kPatience = absl::Seconds(45);

// "a", "b drained"; nothing while nobody answers.
std::vector<std::string> NodesOf(const EldrdProcess& eldrd) {
  const auto fleet = v1::FleetService::NewStub(eldrd.NewChannel());
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(5)));
  v1::ListNodesResponse response;
  std::vector<std::string> nodes;
  if (!fleet->ListNodes(&context, {}, &response).ok()) return {"no answer"};
  for (const v1::Node& node : response.nodes()) {
    nodes.push_back(absl::StrCat(node.spec().node_id(), node.draining() ? " drained" : ""));
  }
  return nodes;
}

void ExpectNodes(const EldrdProcess& eldrd, const std::vector<std::string>& expected) {
  std::vector<std::string> nodes;
  EXPECT_TRUE(Within(kPatience, [&] { return (nodes = NodesOf(eldrd)) == expected; }))
      << ::testing::PrintToString(nodes) << ", expected " << ::testing::PrintToString(expected)
      << "\n"
      << eldrd.Log();
}

absl::Status Place(const EldrdProcess& eldrd, const std::string& request_id, std::string* node) {
  const auto placements = v1::PlacementService::NewStub(eldrd.NewChannel());
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(5)));
  v1::PlaceResponse response;
  const grpc::Status status = placements->Place(&context, TestQuery(request_id), &response);
  if (node != nullptr) *node = response.node().node_id();
  return FromGrpc(status);
}

TEST(FileDiscoveryChaosTest, FollowsAFileThroughLinksAndMistakes) {
  const TempDir folder;
  const auto write = [&](const std::string& version, const std::string& text) {
    std::filesystem::create_directory(folder / version);
    std::ofstream(folder / version + "/endpoints.yaml") << text;
    std::filesystem::create_symlink(version, folder / "..new");
    std::filesystem::rename(folder / "..new", folder / "..data");
  };
  const auto entry = [](const char* name) {
    return absl::StrCat("- {name: ", name, ", address: 10.0.0.1, port: \"8000\"}\n");
  };
  write("1", absl::StrCat("endpoints:\n", entry("a"), entry("b")));
  EldrdProcess eldrd(With(absl::StrCat("discovery:\n  model: m\n  remove_after: 1s\n  file: ",
                                       folder / "..data/endpoints.yaml", "\n")));
  eldrd.Start();
  ExpectNodes(eldrd, {"a", "b"});
  std::string node;
  EXPECT_TRUE(Place(eldrd, "r1", &node).ok());
  write("2", absl::StrCat("endpoints:\n", entry("b"), entry("c")));
  ExpectNodes(eldrd, {"b", "c"});
  write("3", "endpoints:\n- {name: d, addr");
  EXPECT_TRUE(Within(kPatience, [&] {
    return eldrd.Metric("eldr_discovery_lists_total", "outcome=\"failed\"") == 1;
  }));
  EXPECT_THAT(NodesOf(eldrd), ElementsAre("b", "c"));
  EXPECT_THAT(eldrd.Log(), HasSubstr("discovery_file_refused"));
  EXPECT_EQ(eldrd.Terminate(), 0);
}

class KubernetesChaosTest : public ::testing::Test {
 protected:
  std::string Keys(const std::string& more = "") const {
    return absl::StrCat("discovery:\n  model: m\n  remove_after: 1s\n", more,
                        "  kubernetes:\n    selector: app=x\n    api_server: \"", server_.url(),
                        "\"\n    credentials: \"", server_.credentials(), "\"\n");
  }
  FakeApiServer server_;
};

TEST_F(KubernetesChaosTest, AServerThatMisbehavesLeavesTheFleetRight) {
  for (const char* const name : {"a", "b", "c"}) server_.Put({.name = name});
  EldrdProcess eldrd(With(Keys()));
  eldrd.Start();
  ExpectNodes(eldrd, {"a", "b", "c"});
  EXPECT_TRUE(Place(eldrd, "r1", nullptr).ok());
  // Twice, and late.
  server_.Put({.name = "d"}, Event::kSentTwice);
  ExpectNodes(eldrd, {"a", "b", "c", "d"});
  const std::int64_t then = server_.version();
  server_.Put({.name = "d", .ready = false}, Event::kSentTwice);
  server_.SendLine(FakeApiServer::Line("MODIFIED", {.name = "d"}, then));
  ExpectNodes(eldrd, {"a", "b", "c", "d drained"});
  server_.Delete("d");
  server_.SendLine(FakeApiServer::Line("ADDED", {.name = "d"}, then));
  ExpectNodes(eldrd, {"a", "b", "c"});
  // A token that expires, and a connection that is cut.
  server_.SetToken("second", false);
  server_.DropWatches();
  ASSERT_TRUE(Within(kPatience, [&] { return server_.refused_tokens() > 0; }));
  EXPECT_THAT(NodesOf(eldrd), ElementsAre("a", "b", "c"));
  server_.SetToken("second", true);
  server_.Put({.name = "e"});
  ExpectNodes(eldrd, {"a", "b", "c", "e"});
  // Events that nobody sends, found by the list that an old version leads to.
  server_.Delete("a", Event::kMissed);
  server_.Put({.name = "b", .ready = false}, Event::kMissed);
  server_.Put({.name = "f"}, Event::kMissed);
  server_.Compact();
  server_.DropWatches();
  ExpectNodes(eldrd, {"b drained", "c", "e", "f"});
  // Another pod of the same name, at another address.
  server_.Put({.name = "c", .ip = "10.0.0.9", .uid = "next"});
  EXPECT_TRUE(Within(kPatience, [&] {
    return eldrd.Metric("eldr_discovery_changes_total", "change=\"removed\"") == 3;
  }));
  ExpectNodes(eldrd, {"b drained", "c", "e", "f"});
  EXPECT_GT(eldrd.Metric("eldr_discovery_events_total", "type=\"stale\""), 0);
  EXPECT_EQ(eldrd.Metric("eldr_discovery_watch_connected"), 1);
  EXPECT_EQ(eldrd.Terminate(), 0);
}

TEST_F(KubernetesChaosTest, ALongOutageChangesNothing) {
  server_.Put({.name = "a"});
  EldrdProcess eldrd(With(Keys()));
  eldrd.Start();
  ExpectNodes(eldrd, {"a"});
  server_.Fail(503);
  server_.DropWatches();
  EXPECT_TRUE(Within(kPatience, [&] {
    return eldrd.Metric("eldr_discovery_watches_total", "end=\"broken\"") >= 3;
  }));
  EXPECT_THAT(NodesOf(eldrd), ElementsAre("a"));
  EXPECT_TRUE(Place(eldrd, "r1", nullptr).ok());
  server_.Delete("a");
  server_.Put({.name = "b"});
  server_.Fail(0);
  ExpectNodes(eldrd, {"b"});
  EXPECT_EQ(eldrd.Terminate(), 0);
}

TEST_F(KubernetesChaosTest, ANewProcessGoesOnWithTheNodesThatAreThere) {
  for (const char* const name : {"a", "b"}) server_.Put({.name = name});
  server_.Put({.name = "c", .ready = true});
  const TempDir state;
  EldrdProcess kept(With(absl::StrCat("state_dir: ", state.path(), "\n", Keys())));
  kept.Start();
  ExpectNodes(kept, {"a", "b", "c"});
  server_.Put({.name = "c", .ready = false});
  ExpectNodes(kept, {"a", "b", "c drained"});
  std::map<std::string, int> placed;
  for (int i = 0; i < 8; ++i) {
    std::string node;
    ASSERT_TRUE(Place(kept, absl::StrCat("r", i), &node).ok());
    ++placed[node];
  }
  EXPECT_EQ(placed.size(), 2u);
  // It writes each 100 ms.
  ASSERT_TRUE(Within(kPatience, [&] { return kept.Metric("eldr_state_records_total") >= 8; }));
  kept.Kill();
  server_.Delete("a");
  server_.Put({.name = "c"});
  server_.Fail(503);
  kept.Start();
  // As long as nobody tells, all that was there may be there.
  ASSERT_TRUE(Within(kPatience, [&] {
    return kept.Metric("eldr_discovery_lists_total", "outcome=\"failed\"") >= 2;
  }));
  EXPECT_THAT(NodesOf(kept), ElementsAre("a", "b", "c drained"));
  server_.Fail(0);
  ExpectNodes(kept, {"b", "c"});
  EXPECT_EQ(kept.Metric("eldr_node_leases", "node=\"b\""), placed["b"]);
  EXPECT_EQ(kept.Terminate(), 0);
}

TEST_F(KubernetesChaosTest, HugeAnswersAreRefusedAndCostNoMemory) {
  server_.Put({.name = "a"});
  EldrdProcess eldrd(With(Keys("  max_endpoints: 1000\n")));
  eldrd.Start();
  ExpectNodes(eldrd, {"a"});
  const double before = eldrd.ResidentBytes();
  const auto failed = [&] {
    return eldrd.Metric("eldr_discovery_lists_total", "outcome=\"failed\"");
  };
  const auto list_anew = [&](const std::string& body) {
    const double lists = failed();
    server_.SetList(body);
    server_.Compact();
    server_.DropWatches();
    EXPECT_TRUE(Within(kPatience, [&] { return failed() > lists; })) << eldrd.Log();
  };
  // One body without end, one of millions of empty objects, one that is nested for ever.
  list_anew(std::string(100 << 20, ' '));
  std::string items = R"({"metadata":{"resourceVersion":"1"},"items":[)";
  for (int i = 0; i < 8'000'000; ++i) items += "{},";
  list_anew(items);
  list_anew(R"({"metadata":{"resourceVersion":"1"},"items":)" + std::string(20'000'000, '['));
  EXPECT_THAT(eldrd.Log(), HasSubstr("larger than 33554432 bytes"));
  // More pods than there may be, and pages of them.
  server_.SetList("");
  for (int i = 0; i < 1001; ++i) server_.Put({.name = absl::StrCat("p", i)}, Event::kMissed);
  list_anew("");
  EXPECT_THAT(eldrd.Log(), HasSubstr("got more than 1000 pods"));
  EXPECT_THAT(NodesOf(eldrd), ElementsAre("a"));
  RecordProperty("grown_by_bytes", static_cast<int>(eldrd.ResidentBytes() - before));
#ifndef ABSL_HAVE_ADDRESS_SANITIZER  // which keeps what was freed
  EXPECT_LT(eldrd.ResidentBytes() - before, 200e6);
#endif
  EXPECT_TRUE(Place(eldrd, "r1", nullptr).ok());
  for (int i = 0; i < 1001; ++i) server_.Delete(absl::StrCat("p", i), Event::kMissed);
  ExpectNodes(eldrd, {"a"});
  server_.Put({.name = "b"});
  ExpectNodes(eldrd, {"a", "b"});
  EXPECT_EQ(eldrd.Terminate(), 0);
}

TEST_F(KubernetesChaosTest, LeavesANodeAloneThatSendsHeartbeats) {
  EldrdProcess eldrd(With(Keys()));
  eldrd.Start();
  const auto fleet = v1::FleetService::NewStub(eldrd.NewChannel());
  v1::RegisterNodeRequest request;
  request.mutable_node()->set_node_id("agent");
  request.mutable_node()->set_model("m");
  request.mutable_node()->set_address("10.0.0.1:8000");
  request.mutable_node()->mutable_heartbeat_interval()->set_nanos(500'000'000);
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  v1::RegisterNodeResponse response;
  ASSERT_TRUE(fleet->RegisterNode(&context, request, &response).ok());
  server_.Put({.name = "pod"});
  server_.Put({.name = "agent", .ip = "10.0.0.2"});
  server_.Put({.name = "other", .ip = "10.0.0.3"});
  ExpectNodes(eldrd, {"agent", "other"});
  EXPECT_TRUE(Within(kPatience,
                     [&] { return eldrd.Metric("eldr_discovery_nodes", "with_heartbeats") == 2; }));
  server_.Delete("agent");
  server_.Delete("other");
  ExpectNodes(eldrd, {"agent"});
  EXPECT_EQ(eldrd.Terminate(), 0);
}

}  // namespace
}  // namespace eldr

// The event log: what the daemon was told and decided, on disk, each file from a snapshot on.
#include "server/record/event_log.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "server/record/record_stream.h"
#include "server/router_events.h"
#include "tests/server/daemon_fixture.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using Kind = storage::v1::EventRecord::EventCase;

class EventLogTest : public DaemonTest {
 protected:
  void Start() {
    Config config = TestConfig();
    config.event_log.directory = dir_ / "events";
    StartDaemon(config);
  }

  // The records of each file, oldest first; the daemon has stopped.
  std::vector<std::vector<storage::v1::EventRecord>> Files() const {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(dir_ / "events")) {
      paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    std::vector<std::vector<storage::v1::EventRecord>> files;
    for (const std::filesystem::path& path : paths) {
      std::ostringstream text;
      text << std::ifstream(path).rdbuf();
      const std::string bytes = text.str();
      EXPECT_TRUE(absl::StartsWith(bytes, EventLog::kMagic)) << path;
      std::vector<storage::v1::EventRecord>& records = files.emplace_back();
      bool torn = true;
      EXPECT_THAT(VisitRecords<storage::v1::EventRecord>(
                      absl::string_view(bytes).substr(8),
                      [&](storage::v1::EventRecord record) {
                        records.push_back(std::move(record));
                        return absl::OkStatus();
                      },
                      &torn),
                  IsOk());
      EXPECT_FALSE(torn) << path;
    }
    return files;
  }
  static std::vector<Kind> Kinds(const std::vector<storage::v1::EventRecord>& records) {
    std::vector<Kind> kinds;
    for (const storage::v1::EventRecord& record : records) kinds.push_back(record.event_case());
    return kinds;
  }

  const TempDir dir_;
};

TEST_F(EventLogTest, TellsWhatHappenedInItsOrder) {
  Start();
  DeclareTestModel();
  RegisterTestNode("a");
  ASSERT_THAT(FromGrpc(Push(TestPush("r1"))), IsOk());
  ASSERT_THAT(FromGrpc(Place("r1")), IsOk());
  ASSERT_THAT(FromGrpc(Place("r1")), IsOk());  // decides nothing
  v1::HeartbeatRequest beat;
  beat.set_node_id("a");
  beat.add_running_request_ids("r2");
  beat.set_complete_list(true);
  ASSERT_THAT(FromGrpc(Heartbeat(beat)), IsOk());
  grpc::ClientContext context;
  v1::RemoveNodeRequest remove;
  remove.set_node_id("a");
  v1::RemoveNodeResponse removed;
  ASSERT_THAT(FromGrpc(fleet_->RemoveNode(&context, remove, &removed)), IsOk());
  daemon_.reset();

  const auto files = Files();
  ASSERT_EQ(files.size(), 1u);
  std::vector<Kind> kinds = Kinds(files[0]);
  // A node that is ready at once changes its state as it registers.
  ASSERT_THAT(kinds, ElementsAre(Kind::kModelDeclared, Kind::kNodeRegistered, Kind::kNodeState,
                                 Kind::kSignaturePushed, Kind::kPlaced, Kind::kLeaseAdopted,
                                 Kind::kHeartbeat, Kind::kLeaseEnded, Kind::kLeaseEnded,
                                 Kind::kNodeRemoved));
  EXPECT_EQ(files[0][1].node_registered().address().empty(), false);
  EXPECT_EQ(files[0][4].placed().query().request_id(), "r1");
  EXPECT_EQ(files[0][4].placed().node_id(), "a");
  EXPECT_EQ(files[0][5].lease_adopted().request_id(), "r2");
  EXPECT_EQ(files[0][7].lease_ended().end(), "node_removed");
}

TEST_F(EventLogTest, EachFileStartsWithASnapshot) {
  Start();
  DeclareTestModel();
  RegisterTestNode("a");
  daemon_.reset();
  Start();
  DeclareTestModel();
  RegisterTestNode("b");
  daemon_.reset();
  // The second daemon knew nothing when its file began, and kept the first one's.
  const auto files = Files();
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[1][0].model_declared().name(), kModel);
  EXPECT_EQ(files[1][1].node_registered().node_id(), "b");

  FakeClock clock;
  RouterObserver observer;
  const auto router = Router::Create({}, clock, observer);
  ASSERT_THAT(router, IsOk());
  ASSERT_THAT((*router)->DeclareModel({kModel, {2, 4, 2, {}}, {}}), IsOk());
  NodeSpec node;
  node.node_id = "c";
  node.model = kModel;
  node.address = "c:1";
  ASSERT_THAT((*router)->RegisterNode(node), IsOk());
  PlacementQuery query;
  query.model = kModel;
  query.request_id = "r";
  query.context_tokens = 100;
  ASSERT_THAT((*router)->Place(query), IsOk());
  Log log(LogConfig{.level = "error"}, clock);
  {
    const auto events = EventLog::Open({.directory = dir_ / "events"}, **router, clock, log);
    ASSERT_THAT(events, IsOk());
  }
  const std::vector<storage::v1::EventRecord> snapshot = Files().at(2);
  EXPECT_THAT(Kinds(snapshot), ElementsAre(Kind::kModelDeclared, Kind::kNodeRegistered,
                                           Kind::kNodeState, Kind::kLeaseHeld));
  EXPECT_EQ(snapshot.back().lease_held().request_id(), "r");
  EXPECT_EQ(snapshot.back().lease_held().node_id(), "c");
  EXPECT_EQ(snapshot.back().lease_held().context_tokens(), 100u);
}

// A lease may end on one thread before another has described its placement.
TEST_F(EventLogTest, NoEndStandsBeforeItsPlacement) {
  FakeClock clock;
  prometheus::Registry registry;
  Metrics metrics(registry, 4);
  Log log(LogConfig{.level = "error"}, clock);
  RouterEvents events(metrics, log);
  const auto router = Router::Create({}, clock, events).value();
  auto event_log = EventLog::Open({.directory = dir_ / "events"}, *router, clock, log).value();
  events.set_event_log(event_log.get());
  ASSERT_THAT(router->DeclareModel({kModel, {2, 4, 2, {}}, {}}), IsOk());
  NodeSpec node;
  node.node_id = "a";
  node.model = kModel;
  node.address = "a:1";
  ASSERT_THAT(router->RegisterNode(node), IsOk());
  PlacementQuery query;
  query.model = kModel;
  query.request_id = "r";
  const Placement first = router->Place(query).value();
  const absl::Time placed_at = clock.Wall();
  clock.Advance(absl::Seconds(1));
  ASSERT_THAT(router->Release({{kModel, "r", 0}, {}, {}}), IsOk());
  const Placement second = router->Place(query).value();
  event_log->Flush();
  v1::PlaceRequest request;
  request.set_request_id("r");
  event_log->OnPlaced(request, second, "");
  event_log->OnPlaced(request, first, "4bf92f3577b34da6a3ce929d0e0e4736");
  events.set_event_log(nullptr);
  event_log.reset();

  const std::vector<storage::v1::EventRecord> records = Files().at(0);
  EXPECT_THAT(Kinds(records), ElementsAre(Kind::kNodeRegistered, Kind::kNodeState, Kind::kPlaced,
                                          Kind::kLeaseEnded, Kind::kPlaced));
  EXPECT_EQ(records[2].time().seconds(), absl::ToUnixSeconds(placed_at));
  EXPECT_EQ(records[2].placed().trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(records[4].placed().trace_id(), "");
}

}  // namespace
}  // namespace eldr

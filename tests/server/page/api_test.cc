// Each page of the API, from a daemon over its port.
#include <google/protobuf/util/json_util.h>

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "tests/server/page/page_fixture.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

std::string Decoded(const Json& base64) {
  std::string bytes;
  EXPECT_TRUE(absl::Base64Unescape(base64.get<std::string>(), &bytes)) << base64;
  return bytes;
}

// Whether it is JSON of the message: no field that it does not have, none of another type.
template <typename Message>
Message AsMessage(const Json& json) {
  Message message;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json.dump(), &message).ok()) << json;
  return message;
}

using ApiTest = PageTest;

TEST_F(ApiTest, TheOverviewSaysWhatRunsAndHowItIs) {
  StartWithNodes();
  clock_.Advance(absl::Seconds(100));
  const Json overview = Api("overview");
  EXPECT_EQ(overview["uptime_seconds"], 101);
  EXPECT_EQ(overview["time_seconds"], absl::ToUnixSeconds(clock_.Wall()));
  EXPECT_FALSE(overview["version"].get<std::string>().empty());
  EXPECT_EQ(overview["ready"], true);
  EXPECT_TRUE(overview["not_ready_reason"].is_null());
  EXPECT_EQ(overview["history_seconds"], 3600);
  ASSERT_EQ(overview["models"].size(), 1u);
  const auto model = AsMessage<v1::DescribeModelResponse>(overview["models"][0]);
  EXPECT_EQ(model.model().name(), kModel);
  EXPECT_EQ(model.ready_nodes(), 2u);
  EXPECT_EQ(Api("models")["models"], overview["models"]);
}

TEST_F(ApiTest, HealthSaysWhatIsWrongAndWhatToDo) {
  StartWithNodes();
  const auto worst_of = [this](const std::string& subject) {
    const Json health = Api("overview")["health"];
    for (const Json& sentence : health) {
      if (sentence["subject"] == subject) return sentence;  // the worst come first
    }
    return Json();
  };
  for (const char* const subject : {"ready", "nodes", "panic", "placements", "signatures", "limits",
                                    "certificates", "sinks", "access"}) {
    EXPECT_EQ(worst_of(subject)["severity"], "ok") << subject;
    EXPECT_EQ(worst_of(subject)["do"], "") << subject;
  }
  EXPECT_EQ(worst_of("state")["severity"], "note") << "it is not kept";

  for (int i = 0; i < 8; ++i) ASSERT_TRUE(Place("r" + std::to_string(i)).ok());
  PassPoint();
  EXPECT_EQ(worst_of("signatures")["severity"], "warning");
  EXPECT_EQ(worst_of("signatures")["model"], kModel);
  EXPECT_THAT(worst_of("signatures")["what"].get<std::string>(), HasSubstr("100 %"));
  EXPECT_NE(worst_of("signatures")["do"], "");

  for (const char* const node : {"d0", "d1"}) {
    v1::DrainNodeRequest drain;
    drain.set_node_id(node);
    v1::DrainNodeResponse drained;
    grpc::ClientContext context;
    ASSERT_TRUE(fleet_->DrainNode(&context, drain, &drained).ok());
  }
  EXPECT_EQ(worst_of("nodes")["severity"], "critical");
  EXPECT_FALSE(Place("none").ok());
  PassPoint();
  EXPECT_EQ(worst_of("placements")["severity"], "critical");
  EXPECT_EQ(Api("overview")["health"][0]["severity"], "critical") << "the worst first";
}

TEST_F(ApiTest, NodesAreTheMessageOfTheProtoInPages) {
  StartWithNodes();
  const auto first = AsMessage<v1::ListNodesResponse>(Api("nodes?model=m&page_size=1"));
  ASSERT_EQ(first.nodes_size(), 1);
  EXPECT_EQ(first.nodes(0).spec().node_id(), "d0");
  const auto second = AsMessage<v1::ListNodesResponse>(
      Api("nodes?page_size=1&model=m&page_token=" + first.next_page_token()));
  ASSERT_EQ(second.nodes_size(), 1);
  EXPECT_EQ(second.nodes(0).spec().node_id(), "d1");
  EXPECT_EQ(second.next_page_token(), "");
  EXPECT_EQ(Refused("nodes?page_token=x")["http"], 400);
}

TEST_F(ApiTest, TheFleetIsATableOfWhatChanges) {
  StartWithNodes();
  v1::NodeSpec spec;
  spec.set_node_id("d2");
  spec.set_model(kModel);
  spec.set_address("d2:1");
  spec.mutable_heartbeat_interval()->set_seconds(1);
  ASSERT_TRUE(Register(spec).ok());
  v1::HeartbeatRequest beat;
  beat.set_node_id("d2");
  beat.set_running(3);
  beat.set_kv_usage(0.25);
  ASSERT_TRUE(Heartbeat(beat).ok());
  ASSERT_TRUE(Place("r").ok());
  const Json fleet = Api("fleet");
  EXPECT_EQ(fleet["model"], kModel);
  const Json& columns = fleet["columns"];
  for (const auto& [name, column] : columns.items()) EXPECT_EQ(column.size(), 3u) << name;
  EXPECT_EQ(columns["node"], (Json{"d0", "d1", "d2"}));
  EXPECT_EQ(columns["state"], (Json{"ready", "ready", "ready"}));
  EXPECT_EQ(columns["capacity"], (Json{4, 0, 0}));
  EXPECT_EQ(columns["running"][2], 3);
  EXPECT_EQ(columns["load"][2], 3);
  EXPECT_EQ(columns["kv_usage_ratio"], (Json{nullptr, nullptr, 0.25}));
  EXPECT_EQ(columns["heartbeat_age_seconds"], (Json{nullptr, nullptr, 1.0}));
  EXPECT_EQ(columns["leases"][0].get<int>() + columns["leases"][1].get<int>(), 1);
}

TEST_F(ApiTest, ResidencyComesAsBytes) {
  StartWithNodes();
  PlaceSigned("r");
  const std::string node = Api("placements")["placements"][0]["placement"]["node_id"];
  const Json residency = Api("residency?node=" + node);
  EXPECT_EQ(residency["layers"], 2);
  EXPECT_EQ(residency["experts"], 4);
  EXPECT_EQ(residency["leases"], 1);
  const std::string cells = Decoded(residency["activation"]);
  ASSERT_EQ(cells.size(), 8u);
  v1::GetResidencyRequest request;
  request.set_node_id(node);
  v1::GetResidencyResponse exact;
  grpc::ClientContext context;
  ASSERT_TRUE(fleet_->GetResidency(&context, request, &exact).ok());
  for (int i = 0; i < 8; ++i) {
    EXPECT_NEAR(static_cast<unsigned char>(cells[static_cast<std::size_t>(i)]) *
                    residency["scale"].get<double>(),
                exact.activation(i), 0.5 / 255 + 1e-6);
  }
}

TEST_F(ApiTest, TheFleetsResidencySaysHowFarItDiffers) {
  StartWithNodes();
  Json fleet = Api("residency/fleet");
  ASSERT_EQ(fleet["groups"].size(), 2u);
  EXPECT_EQ(Decoded(fleet["groups"][0]["cells"]), std::string(8, '\0'));
  EXPECT_TRUE(fleet["difference"]["mean_cosine_distance"].is_null()) << "nobody holds a lease";
  EXPECT_TRUE(fleet["groups"][0]["distance_to_mean"].is_null());

  // The same request on both: they are alike. Then one that has nothing in common.
  const auto place_on = [this](const std::string& request, const std::string& node,
                               const std::string& counts) {
    v1::PlaceRequest query = TestQuery(request);
    query.add_allow_nodes(node);
    *query.mutable_signature() = TestSignature();
    query.mutable_signature()->mutable_dense()->set_data(counts);
    ASSERT_TRUE(Place(query).ok());
  };
  const std::string low("\3\3\0\0\3\3\0\0", 8), high("\0\0\3\3\0\0\3\3", 8);
  place_on("r0", "d0", low);
  place_on("r1", "d1", low);
  fleet = Api("residency/fleet?model=m");
  EXPECT_EQ(fleet["rows"], 2);
  EXPECT_EQ(fleet["columns"], 4);
  EXPECT_EQ(fleet["difference"]["groups"], 2);
  EXPECT_LT(fleet["difference"]["mean_cosine_distance"].get<double>(), 0.05);
  const Json alike = Api("residency/compare?a=d0&b=d1");
  EXPECT_LT(alike["jaccard_distance"].get<double>(), 0.1);

  for (int i = 0; i < 4; ++i) place_on("s" + std::to_string(i), "d1", high);
  fleet = Api("residency/fleet");
  EXPECT_GT(fleet["difference"]["mean_cosine_distance"].get<double>(), 0.05);
  EXPECT_GT(fleet["difference"]["mean_jaccard_distance"].get<double>(), 0.1);
  const Json compared = Api("residency/compare?a=d0&b=d1");
  EXPECT_GT(compared["cosine_distance"], alike["cosine_distance"]);
  EXPECT_EQ(compared["a"]["leases"], 1);
  EXPECT_EQ(compared["b"]["leases"], 5);
  EXPECT_EQ(compared["layer_jaccard_distance"].size(), 2u);
  EXPECT_GE(compared["most_different"][0]["expert"].get<int>(), 2) << "those of `high`";
  EXPECT_TRUE(Api("residency/fleet?after=d0")["groups"].size() == 1);
}

TEST_F(ApiTest, PlacementsAreNumberedAndKeptInOrder) {
  StartWithNodes();
  for (int i = 1; i <= 7; ++i) ASSERT_TRUE(Place("r" + std::to_string(i)).ok());
  Json list = Api("placements?limit=3");
  EXPECT_EQ(list["sequence"], 7);
  EXPECT_EQ(list["missed"], 0);
  ASSERT_EQ(list["placements"].size(), 3u);
  EXPECT_EQ(list["placements"][0]["request_id"], "r7");
  EXPECT_EQ(list["placements"][2]["sequence"], 5);
  list = Api("placements?limit=3&after=2");
  EXPECT_EQ(list["missed"], 2) << "r3 and r4";
  list = Api("placements?after=7");
  EXPECT_EQ(list["placements"].size(), 0u);
  EXPECT_EQ(list["missed"], 0);
  EXPECT_EQ(Api("placements?after=99")["placements"].size(), 7u) << "of a former process";
  std::size_t on_both = 0;
  for (const char* const node : {"d0", "d1"}) {
    const Json on_one = Api(std::string("placements?node=") + node);
    for (const Json& placement : on_one["placements"]) {
      EXPECT_EQ(placement["placement"]["node_id"], node);
    }
    on_both += on_one["placements"].size();
  }
  EXPECT_EQ(on_both, 7u);

  const Json receipt = Api("placement?request_id=r3");
  const auto message = AsMessage<v1::ExplainPlacementResponse>(receipt);
  EXPECT_EQ(message.candidates_size(), 2);
  EXPECT_TRUE(message.lease_held());
  EXPECT_FALSE(message.parameters().empty());
}

TEST_F(ApiTest, MissedAreAlsoThoseThatAreNotKeptAnyMore) {
  Config config = TestConfig();
  config.router.receipts = 4;
  StartWithNodes(config);
  for (int i = 1; i <= 40; ++i) ASSERT_TRUE(Place("r" + std::to_string(i)).ok());
  const Json list = Api("placements?after=10&limit=200");
  EXPECT_EQ(list["placements"].size(), 4u);
  EXPECT_EQ(list["missed"], 26);
  EXPECT_EQ(Api("placements?node=nothing")["placements"].size(), 0u);
}

TEST_F(ApiTest, SignaturesTellOfWorkersAndOfThoseThatAreMissing) {
  StartWithNodes();
  for (int i = 0; i < 3; ++i) PlaceSigned("s" + std::to_string(i));
  ASSERT_TRUE(Place("without").ok());
  ASSERT_TRUE(Push(TestPush("waits")).ok());
  PassPoint();
  const Json signatures = Api("signatures");
  EXPECT_EQ(signatures["stored"]["signatures"], 1);
  EXPECT_GT(signatures["stored"]["limit_bytes"].get<double>(), 0);
  EXPECT_EQ(signatures["last_hour"]["placements"], 4);
  EXPECT_EQ(signatures["last_hour"]["full"], 3);
  EXPECT_EQ(signatures["last_hour"]["missing"], 1);
  EXPECT_EQ(signatures["last_hour"]["missing_ratio"], 0.25);
  EXPECT_EQ(signatures["recent_placements"], 4);
  ASSERT_EQ(signatures["workers"].size(), 2u);
  EXPECT_EQ(signatures["workers"][0]["worker"], "p0");
  EXPECT_EQ(signatures["workers"][0]["full"], 3);
  EXPECT_EQ(signatures["workers"][0]["mean_age_seconds"], 0);
  EXPECT_EQ(signatures["workers"][1]["worker"], "");
  EXPECT_TRUE(signatures["workers"][1]["mean_age_seconds"].is_null());
  EXPECT_GT(signatures["workers"][0]["last_seconds_ago"].get<double>(), 9);
}

TEST_F(ApiTest, HistoryAndGainTellOfTheLastHour) {
  Config config = TestConfig();
  config.default_policy.shadow_policy = "least_loaded";
  StartWithNodes(config);
  Json gain = Api("gain");
  EXPECT_EQ(gain["placements"], 0);
  EXPECT_TRUE(gain["marginal_experts"]["change_ratio"].is_null());
  PassPoint();
  for (int i = 0; i < 8; ++i) PlaceSigned("s" + std::to_string(i));
  PassPoint();
  const auto history = AsMessage<v1::GetHistoryResponse>(Api("history"));
  EXPECT_EQ(history.interval().seconds(), 10);
  ASSERT_GE(history.points_size(), 2);
  std::uint32_t placements = 0;
  for (const v1::HistoryPoint& point : history.points()) placements += point.placements();
  EXPECT_EQ(placements, 8u);
  gain = Api("gain");
  EXPECT_EQ(gain["placements"], 8);
  EXPECT_EQ(gain["policy"], "residency");
  EXPECT_EQ(gain["marginal_experts"]["placements"], 8);
  EXPECT_GT(gain["marginal_experts"]["chosen"].get<double>(), 0);
  EXPECT_TRUE(gain["marginal_experts"]["change_ratio"].is_number());
  EXPECT_EQ(gain["shadow"]["policy"], "least_loaded");
  EXPECT_EQ(gain["shadow"]["decisions"], 8);
  EXPECT_GT(gain["shadow"]["cost_made_seconds"].get<double>(), 0);
}

TEST_F(ApiTest, ThePriorIsWhatWasLearned) {
  StartWithNodes();
  const Json before = Api("prior");
  EXPECT_EQ(before["learned_requests"], 0);
  EXPECT_NEAR(before["effective_experts_per_layer"].get<double>(), 4, 1e-6);
  for (int i = 0; i < 50; ++i) PlaceSigned("s" + std::to_string(i));
  const Json prior = Api("prior");
  EXPECT_EQ(prior["learned_requests"], 50);
  EXPECT_LT(prior["effective_experts_per_layer"].get<double>(), 3.9);
  const std::string cells = Decoded(prior["activation"]);
  ASSERT_EQ(cells.size(), 8u);
  EXPECT_GT(static_cast<unsigned char>(cells[0]), static_cast<unsigned char>(cells[3]));
  ASSERT_EQ(prior["strongest"].size(), 8u);
  EXPECT_LT(prior["strongest"][0]["expert"].get<int>(), 2);
}

TEST_F(ApiTest, SayWhatIsWrongWithARequest) {
  StartWithNodes();
  const Json model = Refused("fleet?model=M");
  EXPECT_EQ(model["http"], 404);
  EXPECT_EQ(model["code"], "NOT_FOUND");
  EXPECT_EQ(model["field"], "model");
  EXPECT_EQ(model["value"], "M");
  EXPECT_THAT(model["expected"].get<std::string>(), HasSubstr("declared model"));
  RegisterTestNode("decode-0");
  const Json node = Refused("residency?node=decod-0");
  EXPECT_EQ(node["http"], 404);
  EXPECT_EQ(node["field"], "node");
  EXPECT_THAT(node["expected"].get<std::string>(), HasSubstr("\"decode-0\"")) << "the near one";
  EXPECT_EQ(Refused("residency")["http"], 400);
  EXPECT_EQ(Refused("residency/compare?a=d0")["field"], "b");
  EXPECT_EQ(Refused("placement?request_id=nothing")["field"], "request_id");
  EXPECT_EQ(Refused("placement?request_id=nothing")["http"], 404);
  EXPECT_EQ(Refused("placements?limit=201")["expected"], "a whole number from 1 to 200");
  EXPECT_EQ(Refused("placements?limit=%zz")["http"], 400);
  EXPECT_EQ(Refused("overview?model=m")["value"], "model");
  EXPECT_EQ(Refused("events?model=nothing")["http"], 404);
  EXPECT_THAT(Refused("fleets")["expected"].get<std::string>(), HasSubstr("near it: \"fleet\""));
  EXPECT_EQ(Refused("")["http"], 404);
}

TEST_F(ApiTest, AModelMustBeNamedWhereThereAreSeveral) {
  StartDaemon();
  EXPECT_EQ(Refused("fleet")["http"], 404) << "there is none";
  DeclareTestModel();
  EXPECT_EQ(Api("fleet")["model"], kModel);
  v1::DeclareModelRequest request;
  request.set_name("org/other model+");
  request.mutable_geometry()->set_layers(1);
  request.mutable_geometry()->set_experts(2);
  request.mutable_geometry()->set_top_k(1);
  grpc::ClientContext context;
  v1::DeclareModelResponse response;
  ASSERT_TRUE(models_->DeclareModel(&context, request, &response).ok());
  EXPECT_EQ(Refused("fleet")["http"], 400);
  EXPECT_EQ(Api("fleet?model=org%2Fother%20model%2B")["model"], "org/other model+");
}

}  // namespace
}  // namespace eldr

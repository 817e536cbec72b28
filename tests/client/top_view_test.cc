#include "client/ctl/top_view.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/ctl/terminal.h"
#include "gmock/gmock.h"

namespace eldr::ctl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

v1::Node& AddNode(v1::ListNodesResponse& nodes, const std::string& id, std::uint32_t load,
                  double kv) {
  v1::Node& node = *nodes.add_nodes();
  node.mutable_spec()->set_node_id(id);
  node.mutable_spec()->set_model("moe");
  node.mutable_spec()->set_capacity(10);
  node.set_state(v1::NODE_STATE_READY);
  node.set_load(load);
  node.set_leases(load);
  node.set_reported_kv_usage(kv);
  return node;
}

v1::ListNodesResponse ThreeNodes() {
  v1::ListNodesResponse nodes;
  AddNode(nodes, "a", 2, 0.9);
  AddNode(nodes, "b", 9, 0.1);
  AddNode(nodes, "c", 5, 0.5).set_state(v1::NODE_STATE_LOST);
  return nodes;
}

std::vector<std::string> Ids(const v1::ListNodesResponse& nodes, const TopState& state) {
  std::vector<std::string> ids;
  for (const v1::Node* node : TopNodes(nodes, state)) ids.push_back(node->spec().node_id());
  return ids;
}

void Type(const std::string& keys, TopState& state) {
  for (const char key : keys) EXPECT_TRUE(TakeKey(static_cast<unsigned char>(key), 10, state));
}

std::vector<std::string> Draw(const v1::ListNodesResponse& nodes, TopState& state,
                              std::size_t columns = 140, std::size_t rows = 12,
                              bool colours = false) {
  const std::string screen = DrawTop(nodes, {}, absl::UnixEpoch(), columns, rows, colours, state);
  std::vector<std::string> lines = absl::StrSplit(screen, '\n');
  EXPECT_EQ(lines.back(), "");
  lines.pop_back();
  return lines;
}

TEST(TopViewTest, KeysSortAndTurnTheOrder) {
  const v1::ListNodesResponse nodes = ThreeNodes();
  TopState state;
  EXPECT_THAT(Ids(nodes, state), ElementsAre("a", "b", "c"));
  Type("l", state);
  EXPECT_THAT(Ids(nodes, state), ElementsAre("b", "c", "a")) << "the most first";
  Type("l", state);
  EXPECT_THAT(Ids(nodes, state), ElementsAre("a", "c", "b")) << "the same key again";
  Type("k", state);
  EXPECT_THAT(Ids(nodes, state), ElementsAre("a", "c", "b"));
  Type("r", state);
  EXPECT_THAT(Ids(nodes, state), ElementsAre("b", "c", "a"));
  Type("n", state);
  EXPECT_THAT(Ids(nodes, state), ElementsAre("a", "b", "c"));
}

TEST(TopViewTest, AFilterIsTypedKeptAndCleared) {
  const v1::ListNodesResponse nodes = ThreeNodes();
  TopState state;
  Type("/lost", state);
  EXPECT_TRUE(state.editing);
  EXPECT_THAT(Ids(nodes, state), ElementsAre("c")) << "while it is typed";
  EXPECT_THAT(Draw(nodes, state).back(), StartsWith("filter: lost_"));
  Type("\x7f\r", state);
  EXPECT_EQ(state.filter, "los");
  EXPECT_FALSE(state.editing);
  Type("\x1b", state);
  EXPECT_EQ(state.filter, "");
  Type("/q\xc3\xa9\x7f", state);
  EXPECT_EQ(state.filter, "q") << "a letter of the filter, and whole characters";
  EXPECT_FALSE(TakeKey(Terminal::kEnd, 10, state));
  Type("\r", state);
  EXPECT_FALSE(TakeKey('q', 10, state));
}

TEST(TopViewTest, EveryScreenFitsTheTerminal) {
  v1::ListNodesResponse nodes;
  for (unsigned i = 0; i < 1024; ++i) AddNode(nodes, absl::StrCat("node-", i), i % 12, 0.5);
  for (const std::size_t columns : {20u, 80u, 132u, 300u}) {
    for (const std::size_t rows : {3u, 10u, 24u, 60u}) {
      TopState state;
      state.first = 5000;
      const std::vector<std::string> lines = Draw(nodes, state, columns, rows);
      EXPECT_LE(lines.size(), std::max<std::size_t>(rows, 4)) << columns << "x" << rows;
      for (const std::string& line : lines) EXPECT_LE(line.size(), columns) << line;
      EXPECT_LT(state.first, 1024u) << "put into range";
    }
  }
}

TEST(TopViewTest, ScrollsByRowsAndPages) {
  v1::ListNodesResponse nodes;
  for (int i = 0; i < 100; ++i) AddNode(nodes, absl::StrCat("n", 100 + i), 1, 0.5);
  TopState state;
  EXPECT_TRUE(TakeKey(Terminal::kPageDown, 10, state));
  EXPECT_TRUE(TakeKey(Terminal::kDown, 10, state));
  EXPECT_EQ(state.first, 11u);
  EXPECT_THAT(Draw(nodes, state)[2], StartsWith("n111"));
  EXPECT_TRUE(TakeKey(Terminal::kPageUp, 10, state));
  EXPECT_TRUE(TakeKey(Terminal::kPageUp, 10, state));
  EXPECT_EQ(state.first, 0u);
}

TEST(TopViewTest, ShowsBarsStatesAndNoCommandsOfNames) {
  v1::ListNodesResponse nodes = ThreeNodes();
  AddNode(nodes, "\033[2Jevil", 1, 0.1);
  TopState state;
  std::vector<std::string> lines = Draw(nodes, state);
  EXPECT_THAT(lines[0], HasSubstr("4 nodes, 3 take placements, 17 leases"));
  EXPECT_THAT(lines[3], AllOf(StartsWith("b"), HasSubstr("9/10 [#########"), HasSubstr(" 10% [")));
  EXPECT_THAT(lines[5], AllOf(StartsWith("\\x1b"), Not(HasSubstr("\033"))));
  lines = Draw(nodes, state, 140, 12, true);
  EXPECT_THAT(lines[3], HasSubstr("\033[31m#########\033[0m")) << "nearly full is red";
  EXPECT_THAT(lines[4], HasSubstr("\033[31mlost"));
  Type("?", state);
  EXPECT_THAT(Draw(nodes, state).back(), AllOf(HasSubstr("sort"), HasSubstr("arrows scroll")));
  state.error = "the daemon is away";
  EXPECT_THAT(Draw(nodes, state)[1], StartsWith("the daemon is away"));
}

TEST(TopViewTest, TotalsAreOfTheNewestPoint) {
  v1::GetHistoryResponse history;
  history.set_model("moe");
  EXPECT_THAT(TotalsText(history), AllOf(StartsWith("moe"), HasSubstr("no history")));
  history.add_points()->set_placements(1000);
  v1::HistoryPoint& point = *history.add_points();
  point.set_duration_seconds(10);
  point.set_placements(40);
  point.set_failed_placements(3);
  point.set_signatures_full(30);
  point.set_signatures_missing(10);
  point.set_decision_p50_seconds(12e-6);
  point.set_decision_p99_seconds(41e-6);
  point.set_marginal_experts(70);
  point.set_candidate_marginal_experts(100);
  EXPECT_EQ(TotalsText(history),
            "moe  4.0 placements/s  P50 12 us, P99 41 us  3 refused  signatures 75% full, 0% part, "
            "25% none  experts -30.0% against the mean candidate");
  point.set_cost_made_seconds(0.9);
  point.set_cost_shadow_seconds(1);
  EXPECT_THAT(TotalsText(history), HasSubstr("cost -10.0% against the shadow"));
}

TEST(TopViewTest, NodesOfLongNamesAreToldApartOnANarrowTerminal) {
  v1::ListNodesResponse nodes;
  for (int i = 0; i < 4; ++i) AddNode(nodes, absl::StrCat("load-8471-33909573-node-", i), 1, 0.5);
  TopState state;
  const std::vector<std::string> lines = Draw(nodes, state, 80);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_THAT(lines[2 + i], StartsWith(absl::StrCat("~node-", i, " ")));
  }
}

TEST(TopViewTest, TotalsThatAreTooLongGoOnInALineOfTheirOwn) {
  v1::GetHistoryResponse history;
  history.set_model("moe");
  v1::HistoryPoint& point = *history.add_points();
  point.set_duration_seconds(10);
  point.set_placements(40);
  point.set_signatures_full(40);
  point.set_decision_p50_seconds(12e-6);
  point.set_decision_p99_seconds(41e-6);
  point.set_marginal_experts(70);
  point.set_candidate_marginal_experts(100);
  TopState state;
  const std::vector<std::string> lines = absl::StrSplit(
      DrawTop(ThreeNodes(), {history}, absl::UnixEpoch(), 100, 12, false, state), '\n');
  EXPECT_THAT(lines[1], AllOf(StartsWith("moe  4.0 placements/s"), HasSubstr("0% none")));
  EXPECT_THAT(lines[2], StartsWith("  experts -30.0% against the mean candidate "));
  EXPECT_THAT(lines[3], StartsWith("NODE"));
}

}  // namespace
}  // namespace eldr::ctl

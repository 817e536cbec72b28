#include "server/discovery/pod_book.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/test_seed.h"
#include "tests/server/discovery/fake_api_server.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ServerPod = FakeApiServer::Pod;

class PodBookTest : public ::testing::Test {
 protected:
  PodBookTest() {
    config_.model = "m";
    config_.max_endpoints = 10;
    config_.kubernetes.selector = "app=x";
  }

  static std::string Item(const ServerPod& pod, std::int64_t version) {
    const std::string line = FakeApiServer::Line("ADDED", pod, version);
    const std::size_t begin = line.find("\"object\":") + 9;
    return line.substr(begin, line.size() - begin - 2);
  }
  static std::string Page(std::int64_t version, const std::vector<std::string>& items,
                          const std::string& next = "") {
    std::string body = absl::StrCat(R"({"metadata":{"resourceVersion":")", version,
                                    R"(","continue":")", next, R"("},"items":[)");
    for (const std::string& item : items)
      absl::StrAppend(&body, &item == &items[0] ? "" : ",", item);
    return body + "]}";
  }
  void MustList(std::int64_t version, const std::vector<std::string>& items) {
    book_.BeginList();
    ASSERT_THAT(book_.AddPage(Page(version, items)), IsOkAndHolds(""));
  }
  absl::Status Event(const std::string& type, const ServerPod& pod, std::int64_t version) {
    return book_.TakeEvent(FakeApiServer::Line(type, pod, version));
  }
  // "a", "b not ready".
  std::vector<std::string> Found() {
    std::vector<std::string> found;
    for (const Endpoint& endpoint : list_.Read().endpoints) {
      found.push_back(absl::StrCat(endpoint.node_id, endpoint.ready ? "" : " not ready"));
    }
    return found;
  }

  DiscoveryConfig config_;
  prometheus::Registry registry_;
  DiscoveryMetrics metrics_{registry_};
  SourceMetrics source_metrics_ = metrics_.Source("kubernetes");
  WatchMetrics watch_metrics_{registry_};
  EndpointList list_{"kubernetes", 10, [] {}};
  PodBook book_{config_, list_, source_metrics_, watch_metrics_};
};

TEST_F(PodBookTest, TakesAListOverWithItsLastPage) {
  book_.BeginList();
  EXPECT_THAT(book_.AddPage(Page(100, {Item({.name = "a"}, 1)}, "more")), IsOkAndHolds("more"));
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_FALSE(list_.Read().complete);
  EXPECT_THAT(book_.AddPage(Page(100, {Item({.name = "b"}, 2)})), IsOkAndHolds(""));
  EXPECT_THAT(Found(), ElementsAre("a", "b"));
  EXPECT_TRUE(list_.Read().complete);
  EXPECT_EQ(book_.version(), "100");
  // A list that is begun and not ended changes nothing.
  book_.BeginList();
  EXPECT_THAT(book_.AddPage(Page(200, {}, "more")), IsOk());
  EXPECT_THAT(Found(), ElementsAre("a", "b"));
  MustList(201, {Item({.name = "b"}, 2)});
  EXPECT_THAT(Found(), ElementsAre("b")) << "a list removes what is missing";
}

TEST_F(PodBookTest, TellsWhatAPodIs) {
  ServerPod pod = {.name = "a", .ip = "10.0.0.9", .uid = "u-1"};
  pod.labels = {{"llm-d.ai/role", "decode"}, {"other", "x"}};
  book_.SetPorts({8000, 8001});
  MustList(1, {Item(pod, 1)});
  const std::vector<Endpoint> found = list_.Read().endpoints;
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[1].node_id, "a-rank-1");
  EXPECT_EQ(found[1].address, "10.0.0.9:8001");
  EXPECT_EQ(found[1].rank, 1u);
  EXPECT_EQ(found[1].model, "m");
  EXPECT_EQ(found[1].instance, "u-1");
  EXPECT_FALSE(found[1].roles.prefill);
}

TEST_F(PodBookTest, OnlyPodsThatAreReadyAndDoNotEndAreReady) {
  MustList(10, {Item({.name = "a"}, 1), Item({.name = "b", .ready = false}, 1),
                Item({.name = "c", .ending = true}, 1), Item({.name = "d", .ip = ""}, 1),
                Item({.name = "e", .phase = "Failed"}, 1),
                Item({.name = "f", .phase = "Succeeded"}, 1)});
  EXPECT_THAT(Found(), ElementsAre("a", "b not ready", "c not ready"));
}

TEST_F(PodBookTest, FollowsEvents) {
  MustList(100, {Item({.name = "a"}, 1)});
  EXPECT_THAT(Event("ADDED", {.name = "b", .ip = ""}, 101), IsOk());
  EXPECT_THAT(Found(), ElementsAre("a"));
  EXPECT_THAT(Event("MODIFIED", {.name = "b", .ready = false}, 102), IsOk());
  EXPECT_THAT(Event("MODIFIED", {.name = "a", .ready = false}, 103), IsOk());
  EXPECT_THAT(Found(), ElementsAre("a not ready", "b not ready"));
  EXPECT_THAT(Event("DELETED", {.name = "a"}, 104), IsOk());
  EXPECT_THAT(Found(), ElementsAre("b not ready"));
  EXPECT_EQ(book_.version(), "104");
  EXPECT_THAT(
      book_.TakeEvent(R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"200"}}})"),
      IsOk());
  EXPECT_EQ(book_.version(), "200");
  EXPECT_EQ(watch_metrics_.modified.Value(), 2);
}

TEST_F(PodBookTest, WhatComesTwiceOrLateChangesNothing) {
  MustList(100, {Item({.name = "a"}, 90)});
  EXPECT_THAT(Event("MODIFIED", {.name = "a", .ready = false}, 110), IsOk());
  EXPECT_THAT(Event("MODIFIED", {.name = "a"}, 105), IsOk());
  EXPECT_THAT(Event("MODIFIED", {.name = "a"}, 110), IsOk());
  EXPECT_THAT(Found(), ElementsAre("a not ready"));
  EXPECT_EQ(watch_metrics_.stale.Value(), 2);
  // Of another pod it is news, though it is older than what was heard of the first.
  EXPECT_THAT(Event("ADDED", {.name = "b"}, 104), IsOk());
  EXPECT_THAT(Found(), ElementsAre("a not ready", "b"));
  EXPECT_EQ(book_.version(), "110");
  // It was there before the list, which does not have it any more.
  EXPECT_THAT(Event("ADDED", {.name = "c"}, 99), IsOk());
  EXPECT_THAT(Found(), ElementsAre("a not ready", "b"));
}

TEST_F(PodBookTest, APodThatEndedDoesNotComeBackByALateEvent) {
  MustList(100, {Item({.name = "a"}, 90)});
  EXPECT_THAT(Event("DELETED", {.name = "a"}, 120), IsOk());
  EXPECT_THAT(Event("MODIFIED", {.name = "a"}, 119), IsOk());
  EXPECT_THAT(Event("DELETED", {.name = "a"}, 120), IsOk());
  EXPECT_THAT(Found(), IsEmpty());
  // Its successor of the same name does.
  EXPECT_THAT(Event("ADDED", {.name = "a", .uid = "next"}, 121), IsOk());
  EXPECT_THAT(Event("DELETED", {.name = "a"}, 120), IsOk());
  EXPECT_THAT(Found(), ElementsAre("a"));
}

TEST_F(PodBookTest, OnlyANewListHelpsWhereTheVersionIsTooOld) {
  MustList(100, {Item({.name = "a"}, 90)});
  EXPECT_THAT(book_.TakeEvent(R"({"type":"ERROR","object":{"code":410,"message":"too old"}})"),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("too old")));
  EXPECT_THAT(book_.TakeEvent(R"({"type":"ERROR","object":{"code":500,"message":"etcd"}})"),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("500 etcd")));
  EXPECT_THAT(book_.TakeEvent("{\"type\":"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(book_.TakeEvent(R"({"type":"LATER","object":{}})"), IsOk());
  EXPECT_THAT(Found(), ElementsAre("a"));
}

TEST_F(PodBookTest, BoundsWhatItHolds) {
  std::vector<std::string> items;
  for (int i = 0; i < 11; ++i) items.push_back(Item({.name = absl::StrCat("p", i)}, 1));
  book_.BeginList();
  EXPECT_THAT(book_.AddPage(Page(1, items)),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("discovery.max_endpoints")));
  items.pop_back();
  MustList(1, items);
  EXPECT_EQ(Found().size(), 10u);
  EXPECT_THAT(Event("ADDED", {.name = "q"}, 2), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(source_metrics_.entries_refused.Value(), 1);
  EXPECT_THAT(Event("DELETED", {.name = "p0"}, 3), IsOk());
  EXPECT_THAT(Event("MODIFIED", {.name = "q"}, 4), IsOk());
  // Names of the dead are not kept for ever.
  absl::Status status;
  int dead = 0;
  for (; status.ok() && dead < 100'000; ++dead) {
    status = Event("DELETED", {.name = absl::StrCat("dead", dead)}, 5 + dead);
  }
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_LT(dead, 20'000);
  // A list that never ends is no list.
  book_.BeginList();
  absl::StatusOr<std::string> next = std::string();
  int pages = 0;
  for (; next.ok() && pages < 100'000; ++pages) next = book_.AddPage(Page(1, {}, "more"));
  EXPECT_THAT(next, StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(PodBookTest, RefusesWhatCannotBeANode) {
  const std::string long_name(241, 'n');
  MustList(1, {Item({.name = "a"}, 1), Item({.name = "b", .ip = "evil.example"}, 1),
               Item({.name = "c/d"}, 1), Item({.name = long_name}, 1),
               Item({.name = "v6", .ip = "2001:db8::1"}, 1)});
  EXPECT_THAT(Found(), ElementsAre("a", "v6"));
  EXPECT_EQ(source_metrics_.entries_refused.Value(), 3);
}

// What a cluster tells of itself: all that happens, in any order, some of it twice.
TEST_F(PodBookTest, AnyOrderOfEventsComesToTheSame) {
  SCOPED_TRACE(SeedNote());
  std::mt19937_64 random = SeededRng();
  std::map<std::string, std::pair<ServerPod, std::int64_t>> pods;
  std::int64_t version = 1;
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> lines;
    for (int i = 0; i < 20; ++i) {
      const std::string name = absl::StrCat("p", absl::Uniform(random, 0, 8));
      ++version;
      if (pods.count(name) > 0 && absl::Bernoulli(random, 0.3)) {
        lines.push_back(FakeApiServer::Line("DELETED", pods[name].first, version));
        pods.erase(name);
        continue;
      }
      const ServerPod pod = {.name = name, .ready = absl::Bernoulli(random, 0.5)};
      lines.push_back(
          FakeApiServer::Line(pods.count(name) > 0 ? "MODIFIED" : "ADDED", pod, version));
      pods[name] = {pod, version};
    }
    const std::size_t sent = lines.size();
    for (std::size_t i = 0; i < sent; ++i) {
      if (absl::Bernoulli(random, 0.3)) lines.push_back(lines[i]);
    }
    // In some rounds some are missed, and only a list can tell.
    const bool missed = absl::Bernoulli(random, 0.2);
    std::shuffle(lines.begin(), lines.end(), random);
    for (const std::string& line : lines) {
      if (missed && absl::Bernoulli(random, 0.5)) continue;
      ASSERT_THAT(book_.TakeEvent(line), IsOk());
    }
    std::vector<std::string> items, expected;
    for (const auto& [name, pod] : pods) {
      items.push_back(Item(pod.first, pod.second));
      expected.push_back(absl::StrCat(name, pod.first.ready ? "" : " not ready"));
    }
    if (missed || round == 0) MustList(version, items);
    ASSERT_EQ(Found(), expected) << "round " << round;
  }
}

}  // namespace
}  // namespace eldr

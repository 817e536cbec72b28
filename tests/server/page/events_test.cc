// Live events over real sockets, for readers that behave and for readers that do not.
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "tests/server/http/http_client.h"
#include "tests/server/page/page_fixture.h"

namespace eldr {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// What Json checks of itself when moved does not fail.
struct Event {  // NOLINT(bugprone-exception-escape)
  std::string name;
  std::string id;
  Json data;
};

// Reads events as they come.
class Watcher {
 public:
  Watcher(int port, const std::string& query, const std::string& header = "") : client_(port) {
    client_.Send(absl::StrCat("GET /api/v1/events", query, " HTTP/1.1\r\n", header, "\r\n"));
  }
  // The next event of the name, whatever comes before it; one without a name if the server closes.
  Event Next(const std::string& name) {
    if (!head_read_) ReadHead();
    while (true) {
      const std::string text = Until("\n\n");
      if (text.empty()) return {};
      Event event = Parse(text);
      if (event.name == name) return event;
    }
  }

 private:
  // What comes next up to `end`, which is taken too; empty if the server closes before.
  std::string Until(const std::string& end) {
    std::size_t at = text_.find(end);
    for (; at == std::string::npos; at = text_.find(end)) {
      const std::string more = client_.Receive();
      if (more.empty()) return "";
      text_ += more;
    }
    std::string before = text_.substr(0, at);
    text_.erase(0, at + end.size());
    return before;
  }
  void ReadHead() {
    EXPECT_THAT(Until("\r\n\r\n"),
                AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("text/event-stream")));
    head_read_ = true;
  }
  static Event Parse(const std::string& text) {
    Event event;
    std::string data;
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      if (absl::ConsumePrefix(&line, "event: ")) event.name = std::string(line);
      if (absl::ConsumePrefix(&line, "id: ")) event.id = std::string(line);
      if (absl::ConsumePrefix(&line, "data: ")) data += std::string(line);
    }
    event.data = Json::parse(data);
    return event;
  }

  const RawClient client_;
  std::string text_;
  bool head_read_ = false;
};

class EventsTest : public PageTest {
 protected:
  int port() const { return daemon_->http_address().port; }
  // Time passes until the watcher is told what it waits for.
  Event NextAfter(Watcher& watcher, const std::string& name, absl::Duration time) {
    clock_.Advance(time);
    return watcher.Next(name);
  }
  bool Lives() { return Get("/livez") == "ok\n"; }
};

TEST_F(EventsTest, TellWhatIsThereAtOnceAndThenWhatIsNew) {
  StartWithNodes();
  for (int i = 1; i <= 3; ++i) ASSERT_TRUE(Place("r" + std::to_string(i)).ok());
  Watcher watcher(port(), "?model=m");
  EXPECT_EQ(watcher.Next("overview").data["ready"], true);
  EXPECT_EQ(watcher.Next("fleet").data["columns"]["node"].size(), 2u);
  Event placements = watcher.Next("placements");
  EXPECT_EQ(placements.id, "3");
  EXPECT_EQ(placements.data["placements"].size(), 3u);

  ASSERT_TRUE(Place("r4").ok());
  placements = NextAfter(watcher, "placements", absl::Seconds(1));
  EXPECT_EQ(placements.id, "4");
  ASSERT_EQ(placements.data["placements"].size(), 1u) << "only the new one";
  EXPECT_EQ(placements.data["placements"][0]["request_id"], "r4");
  EXPECT_EQ(placements.data["missed"], 0);
  EXPECT_EQ(NextAfter(watcher, "fleet", absl::Seconds(1)).data["model"], kModel);
  EXPECT_EQ(NextAfter(watcher, "overview", absl::Seconds(5)).data["models"].size(), 1u);
}

TEST_F(EventsTest, APointOfTheHistoryIsToldOnce) {
  StartWithNodes();
  PassPoint();
  Watcher watcher(port(), "");
  watcher.Next("overview");
  std::string end_time;
  for (int i = 0; i < 2; ++i) {
    PassPoint();
    const Event history = NextAfter(watcher, "history", absl::Seconds(1));
    ASSERT_EQ(history.data["points"].size(), 1u) << "not those from before it watched";
    EXPECT_NE(history.data["points"][0]["end_time"], end_time);
    end_time = history.data["points"][0]["end_time"];
  }
}

TEST_F(EventsTest, WhoComesBackGoesOnWhereHeWas) {
  StartWithNodes();
  for (int i = 1; i <= 60; ++i) ASSERT_TRUE(Place("r" + std::to_string(i)).ok());
  Watcher by_query(port(), "?after=57");
  EXPECT_EQ(by_query.Next("placements").data["placements"].size(), 3u);
  Watcher by_header(port(), "", "Last-Event-ID: 58\r\n");
  EXPECT_EQ(by_header.Next("placements").data["placements"].size(), 2u);
  Watcher late(port(), "?after=1");
  const Event missed = late.Next("placements");
  EXPECT_EQ(missed.data["placements"].size(), 50u);
  EXPECT_EQ(missed.data["missed"], 9);
  Watcher restarted(port(), "?after=4711");
  EXPECT_EQ(restarted.Next("placements").data["placements"].size(), 50u);
  Watcher garbled(port(), "", "Last-Event-ID: nonsense\r\n");
  EXPECT_EQ(garbled.Next("placements").data["placements"].size(), 50u);
}

TEST_F(EventsTest, WatchersAreBoundedAndToldSo) {
  StartWithNodes();
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (int i = 0; i < 64; ++i) {
    watchers.push_back(std::make_unique<Watcher>(port(), ""));
    ASSERT_EQ(watchers.back()->Next("overview").name, "overview") << i;
  }
  const Json refused = Refused("events");
  EXPECT_EQ(refused["http"], 503);
  EXPECT_EQ(refused["code"], "RESOURCE_EXHAUSTED");
  EXPECT_THAT(refused["message"].get<std::string>(), HasSubstr("more than 64 clients watch"));
  EXPECT_EQ(Api("overview")["ready"], true) << "other pages are there";
  watchers.pop_back();
  EXPECT_TRUE(Eventually([this] {
    const RawClient next(port());
    next.Ask("/api/v1/events");
    return absl::StartsWith(next.Receive(), "HTTP/1.1 200");
  })) << "the place of one who left is free";
}

TEST_F(EventsTest, WhoDoesNotReadHoldsNobodyUpAndIsDropped) {
  StartWithNodes();
  // So that some tables of them fill the buffers of the system.
  for (int i = 0; i < 300; ++i) RegisterTestNode(absl::StrCat(i, std::string(200, 'n')));
  std::vector<std::unique_ptr<RawClient>> deaf;
  for (int i = 0; i < 64; ++i) {
    deaf.push_back(std::make_unique<RawClient>(port(), 2048));
    deaf.back()->Ask("/api/v1/events");
    EXPECT_THAT(deaf.back()->Receive(), StartsWith("HTTP/1.1 200")) << i;
  }
  EXPECT_EQ(Refused("events")["http"], 503);
  // While they are there, the daemon works; and they are dropped, so that there is room again.
  int placed = 0;
  EXPECT_TRUE(Eventually([&] {
    clock_.Advance(absl::Seconds(5));
    EXPECT_TRUE(Lives());
    EXPECT_TRUE(Place("r" + std::to_string(++placed)).ok());
    const RawClient next(port());
    next.Ask("/api/v1/events");
    return absl::StartsWith(next.Receive(), "HTTP/1.1 200");
  }));
}

// Whatever browsers do, health is answered and placements are made.
TEST_F(EventsTest, NoMixOfHostileClientsKeepsTheDaemonFromItsWork) {
  const int seed = ::testing::UnitTest::GetInstance()->random_seed();
  SCOPED_TRACE(::testing::Message() << "rerun with --gtest_random_seed=" << seed);
  std::mt19937 rng(static_cast<unsigned>(seed));
  StartWithNodes();
  const std::string requests[] = {
      "GET /api/v1/events HTTP/1.1\r\n\r\n",
      "GET /api/v1/residency/fleet HTTP/1.1\r\n\r\n",
      "GET /api/v1/history HTTP/1.1\r\n\r\n",
      "GET /api/v1/placements?limit=200 HTTP/1.1\r\n\r\n",
      "GET /api/v1/events?after=99999999999999999999 HTTP/1.1\r\n\r\n",
      "GET /api/v1/%00%ff?%00=%ff HTTP/1.1\r\n\r\n",
      "GET /ui/ HTTP/1.1\r\n\r\n",
      "GET /ui/third_party HTTP/1.1\r\nIf-None-Match: " + std::string(4000, ',') + "\r\n\r\n",
      "HEAD /api/v1/events HTTP/1.1\r\n\r\n",
      "GET /api/v1/overview",
      std::string(2000, '%'),
  };
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 400; ++i) {
    auto client = std::make_unique<RawClient>(port(), rng() % 2 == 0 ? 2048 : 0);
    client->Send(requests[rng() % std::size(requests)]);
    if (rng() % 4 == 0) client->ReadWhatIsThere();
    clients.push_back(std::move(client));
    if (rng() % 2 == 0) clients.erase(clients.begin() + static_cast<int>(rng() % clients.size()));
    clock_.Advance(absl::Milliseconds(static_cast<int>(rng() % 100)));
    if (i % 20 == 0) {
      ASSERT_TRUE(Lives());
      ASSERT_TRUE(Place("r" + std::to_string(i)).ok());
    }
  }
  clients.clear();
  clock_.Advance(absl::Seconds(11));
  EXPECT_TRUE(Eventually([this] {
    const httplib::Result page = Ask("/api/v1/overview");
    return page && page->status == 200;
  })) << "and afterwards all is served again";
  EXPECT_EQ(Metric("eldr_ready"), 1);
}

}  // namespace
}  // namespace eldr

#include "server/http/http_server.h"

#include <httplib.h>
#include <sys/resource.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "server/base/file_limit.h"
#include "tests/server/daemon_fixture.h"
#include "tests/server/http/http_client.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

class PagesTest : public DaemonTest {
 protected:
  void SetUp() override { StartDaemon(); }
};

TEST_F(PagesTest, IsReadyWithoutNodes) {
  EXPECT_EQ(Get("/livez"), "ok\n");
  EXPECT_EQ(Get("/readyz"), "ok\n");
  EXPECT_EQ(Get("/health"), "ok\n");
  EXPECT_EQ(Get("/"), "status 302") << "to the page";
  EXPECT_THAT(Get("/metrics"), HasSubstr("eldr_build_info{version=\""));
  EXPECT_EQ(Get("/nothing"), "status 404");
}

TEST_F(PagesTest, WithoutThePageTheRootListsWhatThereIs) {
  Config config = TestConfig();
  config.http.page = false;
  StartDaemon(config);
  for (const char* const page : {"/metrics", "/livez", "/readyz"}) {
    EXPECT_THAT(Get("/"), HasSubstr(page));
  }
  EXPECT_THAT(Get("/config"), HasSubstr("\nshutdown_delay: "));
}

TEST_F(PagesTest, TakesNoPayloads) {
  httplib::Client client("127.0.0.1", daemon_->http_address().port);
  const httplib::Result result = client.Post("/", std::string(1 << 20, 'x'), "text/plain");
  // Refused with 405, or cut off while still sending.
  if (result) {
    EXPECT_EQ(result->status, 405);
  }
  EXPECT_EQ(Get("/livez"), "ok\n");
}

// "event 1", "event 2" and so on.
class Counter final : public HttpEventSource {
 public:
  explicit Counter(std::atomic<int>& events) : events_(events) {}
  std::string Next() override { return HttpEvent(absl::StrCat("event ", ++events_)); }

 private:
  std::atomic<int>& events_;
};

// Less than any client is waited for: RawClient's ten seconds, and the five that a request may
// take.
constexpr absl::Duration kPatience = absl::Seconds(4);

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() { RaiseOpenFileLimit(); }

  // Pages: /now at once, /big of 8 MiB, /slow once it is let go, /events a count each second,
  // /people what it is asked below its path, on the other lane.
  HttpServer::Options TestOptions() {
    const auto text = [](std::string body) {
      return [body = std::move(body)](const HttpRequest&) { return HttpResponse{.body = body}; };
    };
    return {.pages = {
                {.path = "/now", .kind = HttpPage::Kind::kAtOnce, .handler = text("now\n")},
                {.path = "/big", .handler = text(std::string(8 << 20, 'x'))},
                {.path = "/slow",
                 .handler =
                     [this](const HttpRequest&) {
                       go_on_.WaitForNotification();
                       return HttpResponse{.body = "slow\n"};
                     }},
                {.path = "/events",
                 .handler =
                     [this](const HttpRequest&) {
                       ++opened_;
                       return HttpResponse{.events = std::make_shared<Counter>(events_)};
                     }},
                {.path = "/people/",
                 .and_below = true,
                 .lane = HttpPage::Lane::kPeople,
                 .handler = [](const HttpRequest& r) { return HttpResponse{.body = r.path}; },
                 .refusal =
                     [](HttpResponse refusal) {
                       refusal.body = "refused: " + refusal.body;
                       return refusal;
                     }},
            }};
  }
  void StartServer(HttpServer::Options options) {
    auto server = HttpServer::Start({.host = "127.0.0.1", .port = 0}, std::move(options), clock_);
    ASSERT_THAT(server, IsOk());
    server_ = *std::move(server);
  }
  void TearDown() override {
    if (!go_on_.HasBeenNotified()) go_on_.Notify();
  }
  int port() const { return server_->address().port; }

  // How long a client waits that asks for /now; infinite if it is not answered.
  absl::Duration Ask() const {
    const absl::Time start = absl::Now();
    const RawClient client(port());
    client.Ask("/now");
    return absl::StartsWith(client.ReceiveAll(), "HTTP/1.1 200") ? absl::Now() - start
                                                                 : absl::InfiniteDuration();
  }
  // Whoever asks for /now is answered at once. A machine that runs other tests beside this one is
  // slow at times, so not every answer is held to it: the fastest of some tells of any wait that
  // all have, and the slowest of a wait for another client, which would go on until that one acts.
  void ExpectNobodyWaits() const {
    absl::Duration fastest = absl::InfiniteDuration(), slowest;
    for (int i = 0; i < 20; ++i) {
      const absl::Duration waited = Ask();
      fastest = std::min(fastest, waited);
      slowest = std::max(slowest, waited);
    }
    EXPECT_LT(fastest, absl::Milliseconds(100));
    EXPECT_LT(slowest, kPatience);
  }

  FakeClock clock_;
  absl::Notification go_on_;
  std::atomic<int> opened_ = 0;
  std::atomic<int> events_ = 0;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AThousandWhoSayNothingKeepNobodyWaiting) {
  StartServer(TestOptions());
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 1000; ++i) silent.push_back(std::make_unique<RawClient>(port()));
  ExpectNobodyWaits();
  for (const auto& client : silent) EXPECT_FALSE(client->Closed());
  clock_.Advance(absl::Seconds(6));
  EXPECT_TRUE(Eventually([&] {
    return std::all_of(silent.begin(), silent.end(),
                       [](const auto& client) { return client->Closed(); });
  })) << "after their time";
}

TEST_F(HttpServerTest, AThousandWhoTrickleKeepNobodyWaiting) {
  StartServer(TestOptions());
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 1000; ++i) slow.push_back(std::make_unique<RawClient>(port()));
  for (const char letter : std::string("GET /now HTTP")) {
    for (const auto& client : slow) client->Send(std::string(1, letter));
    ExpectNobodyWaits();
    clock_.Advance(absl::Milliseconds(500));
  }
  EXPECT_TRUE(Eventually([&] { return slow.front()->Closed(); })) << "a byte buys no more time";
}

TEST_F(HttpServerTest, BeyondItsConnectionsTheOneThatWaitedLongestGoes) {
  HttpServer::Options options = TestOptions();
  options.max_connections = 10;
  StartServer(std::move(options));
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 50; ++i) silent.push_back(std::make_unique<RawClient>(port()));
  ExpectNobodyWaits();
  EXPECT_TRUE(Eventually([&] { return silent[30]->Closed(); }));
}

TEST_F(HttpServerTest, ScrapersThatDoNotReadKeepNobodyWaiting) {
  StartServer(TestOptions());
  std::vector<std::unique_ptr<RawClient>> deaf;
  for (int i = 0; i < 40; ++i) {
    deaf.push_back(std::make_unique<RawClient>(port(), 4096));
    deaf.back()->Ask("/big");
  }
  ExpectNobodyWaits();
  // Those that are not read give way to one that is.
  EXPECT_TRUE(Eventually([&] {
    clock_.Advance(absl::Milliseconds(300));
    const RawClient scraper(port());
    scraper.Ask("/big");
    const std::string page = scraper.ReceiveAll();
    return absl::StartsWith(page, "HTTP/1.1 200") && page.size() > 8 << 20;
  }));
}

TEST_F(HttpServerTest, APageThatTakesItsTimeKeepsNobodyWaiting) {
  HttpServer::Options options = TestOptions();
  options.max_answers = 2;
  StartServer(std::move(options));
  const RawClient first(port()), second(port()), third(port());
  first.Ask("/slow");
  second.Ask("/slow");
  third.Ask("/slow");
  ExpectNobodyWaits();
  go_on_.Notify();
  // Which of them is one too many is the server's choice.
  EXPECT_THAT(
      (std::vector<std::string>{first.ReceiveAll(), second.ReceiveAll(), third.ReceiveAll()}),
      UnorderedElementsAre(EndsWith("\r\n\r\nslow\n"), EndsWith("\r\n\r\nslow\n"),
                           HasSubstr("503 Service Unavailable")));
}

TEST_F(HttpServerTest, EventsComeInTimeAndWatchersAreBounded) {
  HttpServer::Options options = TestOptions();
  options.max_watchers = 1;
  StartServer(std::move(options));
  const RawClient watcher(port());
  watcher.Ask("/events");
  std::string seen;
  const auto sees = [&](const std::string& text) {
    while (!absl::StrContains(seen, text)) {
      const std::string more = watcher.Receive();
      if (more.empty()) return false;
      seen += more;
    }
    return true;
  };
  EXPECT_TRUE(sees("data: event 1\n\n")) << seen;
  EXPECT_THAT(seen, HasSubstr("Content-Type: text/event-stream"));
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(sees("data: event 2\n\n")) << seen;
  const RawClient another(port());
  another.Ask("/events");
  EXPECT_THAT(another.ReceiveAll(), AllOf(HasSubstr("503"), HasSubstr("more than 1 clients")));
  ExpectNobodyWaits();
  server_->Stop();
  EXPECT_TRUE(Eventually([&] { return watcher.Receive().empty(); })) << "the end closes all";
}

TEST_F(HttpServerTest, APageForPeopleWaitsForNoneForMachines) {
  StartServer(TestOptions());
  const RawClient slow(port()), person(port());
  slow.Ask("/slow");
  ExpectNobodyWaits();
  person.Ask("/people/a/b?c");
  EXPECT_THAT(person.ReceiveAll(), EndsWith("\r\n\r\n/people/a/b"));
  const RawClient above(port());
  above.Ask("/people");
  EXPECT_THAT(above.ReceiveAll(), StartsWith("HTTP/1.1 404"));
}

TEST_F(HttpServerTest, ARefusalIsWordedAsItsPageIs) {
  HttpServer::Options options = TestOptions();
  options.may_read = [](absl::string_view) { return false; };
  StartServer(std::move(options));
  const RawClient person(port()), other(port());
  person.Ask("/people/a");
  EXPECT_THAT(person.ReceiveAll(), HasSubstr("\r\n\r\nrefused: expected"));
  other.Ask("/now");
  EXPECT_THAT(other.ReceiveAll(), HasSubstr("\r\n\r\nexpected"));
}

TEST_F(HttpServerTest, WhoAsksAndIsGoneLeavesNoWorkBehind) {
  HttpServer::Options options = TestOptions();
  options.max_answers = 4;
  StartServer(std::move(options));
  const RawClient first(port());
  first.Ask("/slow");
  ExpectNobodyWaits();
  for (int i = 0; i < 500; ++i) {
    const RawClient gone(port(), 0, /*resets=*/true);
    gone.Ask("/events");
  }
  ExpectNobodyWaits();
  go_on_.Notify();
  EXPECT_THAT(first.ReceiveAll(), EndsWith("slow\n"));
  EXPECT_TRUE(Eventually([this] {
    const RawClient next(port());
    next.Ask("/big");
    return absl::StartsWith(next.ReceiveAll(), "HTTP/1.1 200");
  }));
  EXPECT_LE(opened_, 4) << "of what nobody waits for, nothing was made";
}

TEST_F(HttpServerTest, HeadHasNoBodyAndGarbageIsRefused) {
  StartServer(TestOptions());
  const RawClient head(port());
  head.Send("HEAD /now HTTP/1.1\r\n\r\n");
  EXPECT_THAT(head.ReceiveAll(), AllOf(HasSubstr("Content-Length: 4"), EndsWith("\r\n\r\n")));
  const RawClient garbage(port());
  garbage.Send(std::string("\0\1\2\r\n\r\n", 7));
  EXPECT_THAT(garbage.ReceiveAll(), StartsWith("HTTP/1.1 400"));
  const RawClient endless(port());
  for (int i = 0; i < 100; ++i) endless.Send(std::string(1024, 'x'));
  EXPECT_THAT(endless.Receive(), StartsWith("HTTP/1.1 431"));
}

TEST_F(HttpServerTest, APortThatIsTakenIsNamed) {
  StartServer(TestOptions());
  EXPECT_THAT(HttpServer::Start(server_->address(), TestOptions(), clock_),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(server_->address().ToString())));
}

}  // namespace
}  // namespace eldr

#include "server/pages.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace eldr {
namespace {

class ReadyPageTest : public ::testing::Test {
 protected:
  HttpResponse Get(const std::string& query) const {
    const std::vector<HttpPage> pages = MakePages({.metrics = {},
                                                   .not_ready = [this] { return not_ready_; },
                                                   .sinks = [this] { return sinks_; }});
    for (const HttpPage& page : pages) {
      if (page.path == "/readyz") return page.handler({.path = page.path, .query = query});
    }
    return {.status = 404};
  }

  std::string not_ready_;
  std::vector<SinkCheck> sinks_ = {{"state", ""}};
};

TEST_F(ReadyPageTest, ListsWhatItChecksWhenAsked) {
  EXPECT_EQ(Get("").body, "ok\n");
  EXPECT_EQ(Get("verbose").body, "[+] calls: ok\n[+] state: ok\nok\n");
}

TEST_F(ReadyPageTest, ASinkThatFallsBehindIsToldAndHoldsUpNobody) {
  sinks_.push_back({"event_log", "3 records dropped"});
  const HttpResponse response = Get("verbose");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "[+] calls: ok\n[+] state: ok\n[-] event_log: 3 records dropped\nok\n");
}

TEST_F(ReadyPageTest, OneThatTakesNoCallsSaysWhy) {
  not_ready_ = "shutting down";
  EXPECT_EQ(Get("").status, 503);
  EXPECT_EQ(Get("").body, "shutting down\n");
  const HttpResponse response = Get("verbose");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body, "[-] calls: shutting down\n[+] state: ok\nshutting down\n");
}

}  // namespace
}  // namespace eldr

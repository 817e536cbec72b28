#include "client/scrape/http_transfers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/client/scrape/fake_engine.h"
#include "tests/support/status_matchers.h"

namespace eldr::scrape {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class HttpTransfersTest : public ::testing::Test {
 protected:
  // Runs until `done` holds; false if that takes ten seconds.
  bool RunUntil(const std::function<bool()>& done) {
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    while (!done() && absl::Now() < deadline) transfers_.Run(absl::Milliseconds(100));
    return done();
  }
  FakeEngine engine_;
  HttpTransfers transfers_;
};

TEST_F(HttpTransfersTest, RunsManyAtATimeOfWhichNoneHoldsUpTheOthers) {
  engine_.SetAnswer("/hangs", [](int) { return FakeEngine::Piece{"", absl::Seconds(60)}; });
  int hung = 0, done = 0;
  ASSERT_THAT(transfers_.Begin({.url = engine_.url("/hangs"),
                                .timeout = absl::Seconds(5),
                                .on_done = [&](auto) { ++hung; }}),
              IsOk());
  for (int i = 0; i < 20; ++i) {
    engine_.SetPage(absl::StrCat("/", i), 200, absl::StrCat("page ", i));
    ASSERT_THAT(transfers_.Begin({.url = engine_.url(absl::StrCat("/", i)),
                                  .on_done =
                                      [&, i](absl::StatusOr<HttpTransfers::Answer> answer) {
                                        ASSERT_THAT(answer, IsOk());
                                        EXPECT_EQ(answer->body, absl::StrCat("page ", i));
                                        ++done;
                                      }}),
                IsOk());
  }
  EXPECT_EQ(transfers_.running(), 21u);
  EXPECT_TRUE(RunUntil([&] { return done == 20; }));
  EXPECT_EQ(hung, 0);
  EXPECT_EQ(transfers_.running(), 1u);
  transfers_.EndAll();
  EXPECT_EQ(transfers_.running(), 0u);
  EXPECT_EQ(hung, 0) << "nothing is told of what was ended";
}

TEST_F(HttpTransfersTest, HandsOnABodyAsItComes) {
  const std::vector<std::string> pieces = {"HTTP/1.1 200 OK\r\n\r\n", "one", "two", ""};
  engine_.SetAnswer("/", [pieces](int index) {
    return FakeEngine::Piece{pieces[static_cast<std::size_t>(index)], absl::Milliseconds(50)};
  });
  std::vector<std::string> got;
  absl::StatusOr<HttpTransfers::Answer> end = absl::UnknownError("");
  ASSERT_THAT(
      transfers_.Begin({.url = engine_.url("/"),
                        .max_bytes = 1,
                        .on_bytes =
                            [&](int status, absl::string_view bytes) {
                              got.push_back(absl::StrCat(status, " ", bytes));
                              return true;
                            },
                        .on_headers = [&](int status) { got.push_back(absl::StrCat(status)); },
                        .on_done = [&](auto answer) { end = std::move(answer); }}),
      IsOk());
  EXPECT_TRUE(RunUntil([&] { return end.ok(); }));
  EXPECT_THAT(got, ElementsAre("200", "200 one", "200 two"));
  EXPECT_EQ(end->body, "");
}

TEST_F(HttpTransfersTest, EndsWhatIsNotWantedAnyMore) {
  engine_.SetPage("/", 200, std::string(1'000'000, 'a'));
  int parts = 0;
  absl::Status end;
  ASSERT_THAT(transfers_.Begin({.url = engine_.url("/"),
                                .on_bytes = [&](int, absl::string_view) { return ++parts < 2; },
                                .on_done = [&](auto answer) { end = answer.status(); }}),
              IsOk());
  EXPECT_TRUE(RunUntil([&] { return !end.ok(); }));
  EXPECT_THAT(end, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(parts, 2);
}

TEST_F(HttpTransfersTest, SendsHeaders) {
  // The engine answers whatever it is asked; that is enough to see that nothing breaks.
  engine_.SetPage("/", 200, "x");
  bool done = false;
  ASSERT_THAT(transfers_.Begin({.url = engine_.url("/"),
                                .headers = {"Authorization: Bearer t", "Accept: text/plain"},
                                .on_done = [&](auto answer) { done = answer.ok(); }}),
              IsOk());
  EXPECT_TRUE(RunUntil([&] { return done; }));
}

TEST_F(HttpTransfersTest, WhatEndsMayBeginAnother) {
  engine_.SetPage("/", 200, "x");
  int done = 0;
  std::function<void()> begin = [&] {
    ASSERT_THAT(transfers_.Begin({.url = engine_.url("/"),
                                  .on_done =
                                      [&](auto) {
                                        if (++done < 3) begin();
                                      }}),
                IsOk());
  };
  begin();
  EXPECT_TRUE(RunUntil([&] { return done == 3; }));
}

TEST_F(HttpTransfersTest, WakesFromAnotherThread) {
  const absl::Time start = absl::Now();
  std::thread other([&] { transfers_.Wake(); });
  transfers_.Run(absl::Seconds(60));
  EXPECT_LT(absl::Now() - start, absl::Seconds(30));
  other.join();
}

TEST_F(HttpTransfersTest, RefusesWhatIsNoUrl) {
  EXPECT_THAT(transfers_.Begin({.url = "ftp://x", .on_done = nullptr}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"ftp://x\" is no URL")));
}

}  // namespace
}  // namespace eldr::scrape

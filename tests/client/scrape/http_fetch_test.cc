#include "client/scrape/http_fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/client/scrape/fake_engine.h"
#include "tests/support/status_matchers.h"

namespace eldr::scrape {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr absl::Duration kTimeout = absl::Milliseconds(300);
constexpr std::size_t kMaxBytes = 100'000;

class HttpFetchTest : public ::testing::Test {
 protected:
  absl::StatusOr<PageFetcher::Page> Fetch(const std::string& path = "/metrics") {
    const auto fetcher =
        PageFetcher::Create(engine_.url(path), {.timeout = kTimeout, .max_bytes = kMaxBytes});
    if (!fetcher.ok()) return fetcher.status();
    const absl::Time start = absl::Now();
    auto page = (*fetcher)->Fetch();
    EXPECT_LT(absl::Now() - start, kTimeout + absl::Seconds(5));
    return page;
  }
  FakeEngine engine_;
};

TEST_F(HttpFetchTest, GetsAPageAgainAndAgain) {
  engine_.SetPage("/metrics", 200, "a 1\n");
  const auto fetcher = PageFetcher::Create(engine_.url("/metrics"), {}).value();
  for (int i = 0; i < 3; ++i) {
    const auto page = fetcher->Fetch();
    ASSERT_THAT(page, IsOk());
    EXPECT_EQ(page->status, 200);
    EXPECT_EQ(page->body, "a 1\n");
  }
}

TEST_F(HttpFetchTest, AnyStatusIsAnAnswer) {
  engine_.SetPage("/metrics", 503, "not yet");
  EXPECT_EQ(Fetch()->status, 503);
  EXPECT_EQ(Fetch("/other")->status, 404);
  EXPECT_EQ(Fetch("/other")->body, "");
}

TEST_F(HttpFetchTest, FollowsNoRedirect) {
  engine_.SetAnswer("/metrics", [this](int index) {
    return FakeEngine::Piece{
        index == 0 ? absl::StrCat("HTTP/1.1 302 Found\r\nLocation: ", engine_.url("/else"),
                                  "\r\nContent-Length: 0\r\n\r\n")
                   : ""};
  });
  EXPECT_EQ(Fetch()->status, 302);
  EXPECT_EQ(engine_.requests(), 1);
}

TEST_F(HttpFetchTest, SaysWhereNobodyListens) {
  engine_.Close();
  EXPECT_THAT(Fetch(), StatusIs(absl::StatusCode::kUnavailable,
                                AllOf(HasSubstr("/metrics: "), HasSubstr("onnect"))));
}

TEST_F(HttpFetchTest, GivesUpOnWhoeverSaysNothing) {
  engine_.SetAnswer("/metrics", [](int) { return FakeEngine::Piece{"", absl::Seconds(60)}; });
  EXPECT_THAT(Fetch(), StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("/metrics: ")));
}

TEST_F(HttpFetchTest, GivesUpOnWhoeverTricklesItsHeaders) {
  engine_.SetAnswer("/metrics", [](int index) {
    return FakeEngine::Piece{index == 0 ? "HTTP/1.1 200 OK\r\nX-A: " : "a", absl::Milliseconds(20)};
  });
  EXPECT_THAT(Fetch(), StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST_F(HttpFetchTest, GivesUpOnWhoeverTricklesItsBody) {
  engine_.SetAnswer("/metrics", [](int index) {
    return FakeEngine::Piece{index == 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n" : "a",
                             absl::Milliseconds(20)};
  });
  EXPECT_THAT(Fetch(), StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST_F(HttpFetchTest, HoldsNoMoreThanItsLimit) {
  engine_.SetPage("/metrics", 200, std::string(kMaxBytes, 'a'));
  EXPECT_EQ(Fetch()->body.size(), kMaxBytes);
  engine_.SetPage("/metrics", 200, std::string(kMaxBytes + 1, 'a'));
  EXPECT_THAT(Fetch(), StatusIs(absl::StatusCode::kResourceExhausted,
                                HasSubstr("larger than 100000 bytes")));
  // Without a word of how much will come, for ever.
  const std::string much(1 << 16, 'a');
  engine_.SetAnswer("/metrics", [much](int index) {
    return FakeEngine::Piece{index == 0 ? "HTTP/1.1 200 OK\r\n\r\n" : much};
  });
  EXPECT_THAT(Fetch(), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(HttpFetchTest, TakesNoMoreHeadersThanItsLimit) {
  engine_.SetAnswer("/metrics", [](int index) {
    return FakeEngine::Piece{index == 0
                                 ? "HTTP/1.1 200 OK\r\n"
                                 : absl::StrCat("X-", index, ": ", std::string(900, 'h'), "\r\n")};
  });
  EXPECT_THAT(Fetch(), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(HttpFetchTest, TakesNothingThatIsNotHttp) {
  engine_.SetAnswer("/metrics", [](int index) {
    return FakeEngine::Piece{index == 0 ? "vllm:num_requests_running 1\n" : ""};
  });
  EXPECT_THAT(Fetch(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(HttpFetchTest, UnpacksNothing) {
  engine_.SetAnswer("/metrics", [](int index) {
    return FakeEngine::Piece{index == 0 ? "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                                          "Content-Length: 3\r\n\r\nabc"
                                        : ""};
  });
  EXPECT_EQ(Fetch()->body, "abc");
}

TEST_F(HttpFetchTest, RefusesWhatIsNoUrl) {
  for (const char* url : {"", "localhost:8000", "file:///etc/passwd", "http://", "ftp://h/"}) {
    EXPECT_THAT(PageFetcher::Create(url, {}).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is no URL")))
        << url;
  }
}

}  // namespace
}  // namespace eldr::scrape

#include "server/http/http_message.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

HttpParse Parse(absl::string_view bytes) {
  HttpRequest request;
  return ParseHttpRequest(bytes, request);
}

TEST(HttpMessageTest, ReadsARequestOnceItIsWhole) {
  const std::string bytes =
      "GET /metrics?a=b&c HTTP/1.1\r\nHost: x\r\nAUTHORIZATION:  Bearer t \r\n\r\n";
  HttpRequest request;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_EQ(ParseHttpRequest(absl::string_view(bytes).substr(0, size), request), HttpParse::kMore)
        << size;
  }
  ASSERT_EQ(ParseHttpRequest(bytes, request), HttpParse::kDone);
  EXPECT_FALSE(request.head);
  EXPECT_EQ(request.path, "/metrics");
  EXPECT_EQ(request.query, "a=b&c");
  EXPECT_EQ(request.authorization, "Bearer t");
  EXPECT_EQ(request.accept, "");
  ASSERT_EQ(ParseHttpRequest("HEAD / HTTP/1.0\n\n", request), HttpParse::kDone);
  EXPECT_TRUE(request.head);
  EXPECT_EQ(request.authorization, "") << "not that of the former one";
}

TEST(HttpMessageTest, RefusesWhatIsNoRequest) {
  for (const char* const bytes :
       {"\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n",
        "GET x HTTP/1.1\r\n\r\n", "G=T / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nnothing\r\n\r\n",
        "GET / HTTP/1.1\r\n folded: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\n"}) {
    EXPECT_EQ(Parse(bytes), HttpParse::kMalformed) << bytes;
  }
  for (const char c : {'\0', '\1', '\r', '\x7f'}) {
    EXPECT_EQ(Parse(absl::StrCat("GET / HTTP/1.1\r\nX: a", std::string(1, c), "b\r\n\r\n")),
              HttpParse::kMalformed)
        << static_cast<int>(c);
  }
  EXPECT_EQ(Parse("GET / HTTP/1.1\r\nX: a\t\xc3\xa9\r\n\r\n"), HttpParse::kDone);
  EXPECT_EQ(Parse("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n"), HttpParse::kMethodNotAllowed);
  EXPECT_EQ(Parse("GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), HttpParse::kDone);
  EXPECT_EQ(Parse("GET / HTTP/1.1\r\nContent-Length: 9\r\n\r\n"), HttpParse::kTooLarge);
  EXPECT_EQ(Parse("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), HttpParse::kTooLarge);
  EXPECT_EQ(Parse(absl::StrCat("GET / HTTP/1.1\r\nX: ", std::string(kMaxHttpRequestBytes, 'x'))),
            HttpParse::kHeadersTooLarge);
}

TEST(HttpMessageTest, KeepsTheHeadersThatPagesLookAt) {
  HttpRequest request;
  ASSERT_EQ(ParseHttpRequest("GET / HTTP/1.1\r\nAccept: a/b;q=0.5, c/d\r\nAccept-Language: en\r\n"
                             "ACCEPT-Encoding: gzip, br\r\nIf-None-Match: \"a\"\r\n"
                             "Last-Event-ID:  7 \r\n\r\n",
                             request),
            HttpParse::kDone);
  EXPECT_EQ(request.accept, "a/b;q=0.5, c/d");
  EXPECT_EQ(request.accept_encoding, "gzip, br");
  EXPECT_EQ(request.if_none_match, "\"a\"");
  EXPECT_EQ(request.last_event_id, "7");
}

TEST(HttpMessageTest, TwoCredentialsAreNone) {
  HttpRequest request;
  ASSERT_EQ(
      ParseHttpRequest("GET / HTTP/1.1\r\nAuthorization: a\r\nauthorization: b\r\n\r\n", request),
      HttpParse::kDone);
  EXPECT_EQ(request.authorization, "");
}

TEST(HttpMessageTest, WritesAnswers) {
  const std::string whole = SerializeHttpResponse({.status = 401, .body = "no\n"}, false);
  EXPECT_THAT(whole, HasSubstr("HTTP/1.1 401 Unauthorized\r\n"));
  EXPECT_THAT(whole, HasSubstr("\r\nContent-Length: 3\r\n"));
  EXPECT_THAT(whole, HasSubstr("\r\nWWW-Authenticate: Bearer\r\n"));
  EXPECT_THAT(whole, ::testing::EndsWith("\r\n\r\nno\n"));
  EXPECT_THAT(SerializeHttpResponse({.body = "ok\n", .more_headers = "Vary: Accept\r\n"}, false),
              HasSubstr("\r\nVary: Accept\r\n"));
  const std::string head = SerializeHttpResponse({.body = "ok\n"}, true);
  EXPECT_THAT(head, HasSubstr("Content-Length: 3"));
  EXPECT_THAT(head, Not(HasSubstr("ok\n")));
  EXPECT_EQ(HttpEvent("a\nb\n"), "data: a\ndata: b\n\n");
  EXPECT_EQ(HttpEvent(""), "data: \n\n");
  EXPECT_EQ(HttpEvent("a", "fleet", "7"), "event: fleet\nid: 7\ndata: a\n\n");
  const std::string more = SerializeHttpResponse({.status = 302,
                                                  .body = "gone\n",
                                                  .fixed_body = "fixed",
                                                  .cache_control = "no-cache",
                                                  .more_headers = "Location: x/\r\n"},
                                                 false);
  EXPECT_THAT(more, HasSubstr("HTTP/1.1 302 Found\r\nCache-Control: no-cache\r\n"));
  EXPECT_THAT(more, HasSubstr("\r\nLocation: x/\r\n"));
  EXPECT_THAT(more, HasSubstr("\r\nContent-Length: 5\r\n"));
  EXPECT_THAT(more, ::testing::EndsWith("\r\n\r\n")) << "a fixed body is written by itself";
}

}  // namespace
}  // namespace eldr

// Who may read the page and its data, and that it can be switched off.
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/server/http/http_client.h"
#include "tests/server/page/page_fixture.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace eldr {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using PageAccessTest = PageTest;

TEST_F(PageAccessTest, TheRootLeadsToThePageWhateverProxyIsInFront) {
  StartWithNodes();
  for (const char* const path : {"/", "/ui"}) {
    const httplib::Result root = Ask(path);
    ASSERT_TRUE(root);
    EXPECT_EQ(root->status, 302);
    EXPECT_EQ(root->get_header_value("Location"), "ui/") << "relative";
  }
  EXPECT_THAT(Ask("/")->body, AllOf(HasSubstr("/metrics"), HasSubstr("/api/v1/")));
  const httplib::Result page = Ask("/ui/");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->status, 200);
  EXPECT_THAT(page->get_header_value("Content-Type"), StartsWith("text/html"));
  EXPECT_THAT(page->get_header_value("Content-Security-Policy"), StartsWith("default-src 'none'"));
  EXPECT_EQ(page->get_header_value("Referrer-Policy"), "no-referrer");
  EXPECT_EQ(page->get_header_value("X-Content-Type-Options"), "nosniff");
  const httplib::Result again = Ask("/ui/", {{"If-None-Match", page->get_header_value("ETag")}});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->status, 304);
  EXPECT_EQ(Ask("/ui/../pages.cc")->status, 404);
}

TEST_F(PageAccessTest, PackedBytesUnpackToTheSame) {
  StartWithNodes();
  const std::string plain = Ask("/ui/", {{"Accept-Encoding", "identity"}})->body;
  const RawClient client(daemon_->http_address().port);
  client.Send("GET /ui/ HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n");
  const std::string packed = client.ReceiveAll();
  EXPECT_THAT(packed, HasSubstr("Content-Encoding: gzip\r\n"));
  EXPECT_LT(packed.size() - packed.find("\r\n\r\n"), plain.size());
  const RawClient head(daemon_->http_address().port);
  head.Send("HEAD /ui/ HTTP/1.1\r\n\r\n");
  const std::string answer = head.ReceiveAll();
  EXPECT_THAT(answer, HasSubstr(absl::StrCat("Content-Length: ", plain.size(), "\r\n")));
  EXPECT_EQ(answer.size(), answer.find("\r\n\r\n") + 4) << "no body";
}

TEST_F(PageAccessTest, NothingIsWritable) {
  StartWithNodes();
  httplib::Client client("127.0.0.1", daemon_->http_address().port);
  for (const char* const path : {"/api/v1/overview", "/ui/", "/api/v1/nodes"}) {
    const httplib::Result deleted = client.Delete(path);
    ASSERT_TRUE(deleted) << path;
    EXPECT_EQ(deleted->status, 405) << path;
  }
}

TEST_F(PageAccessTest, FilesAreOpenAndDataNeedTheToken) {
  const TempDir dir;
  Config config = TestConfig();
  config.http.token_file = dir.path() + "/token";
  std::ofstream(config.http.token_file) << "a-token-for-people-1\n";
  StartWithNodes(config);
  EXPECT_EQ(Ask("/")->status, 302);
  EXPECT_EQ(Ask("/ui/")->status, 200);
  const std::string pages[] = {"overview", "models", "fleet", "nodes", "events", "nothing", ""};
  for (const std::string& page : pages) {
    const Json refused = Refused(page);
    EXPECT_EQ(refused["http"], 401) << page;
    EXPECT_EQ(refused["code"], "UNAUTHENTICATED") << page;
    EXPECT_EQ(Refused(page + "?token=a-token-for-people-1")["http"], 401) << "not in the URL";
  }
  const auto with = [this](const std::string& token) {
    return Ask("/api/v1/overview", {{"Authorization", "Bearer " + token}})->status;
  };
  EXPECT_EQ(with("a-token-for-people-1"), 200);
  EXPECT_EQ(with("a-token-for-people-2"), 401);
}

TEST_F(PageAccessTest, SwitchedOffNothingOfItIsThere) {
  Config config = TestConfig();
  config.http.page = false;
  StartWithNodes(config);
  EXPECT_EQ(Ask("/")->status, 200);
  for (const char* const path : {"/ui", "/ui/", "/api/v1/overview", "/api/v1/events"}) {
    EXPECT_EQ(Ask(path)->status, 404) << path;
  }
  v1::GetHistoryRequest request;
  request.set_model(kModel);
  v1::GetHistoryResponse response;
  grpc::ClientContext context;
  EXPECT_THAT(
      FromGrpc(v1::HistoryService::NewStub(channel())->GetHistory(&context, request, &response)),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("http.page")));
}

TEST_F(PageAccessTest, TheHistoryIsToldOverGrpcToo) {
  StartWithNodes();
  PlaceSigned("r");
  PassPoint();
  const auto history = v1::HistoryService::NewStub(channel());
  const auto get = [&](const v1::GetHistoryRequest& request, v1::GetHistoryResponse* response) {
    grpc::ClientContext context;
    return FromGrpc(history->GetHistory(&context, request, response));
  };
  v1::GetHistoryRequest request;
  v1::GetHistoryResponse response;
  EXPECT_THAT(get(request, &response),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("model")));
  request.set_model("nothing");
  EXPECT_THAT(get(request, &response), StatusIs(absl::StatusCode::kNotFound));
  request.set_model(kModel);
  ASSERT_THAT(get(request, &response), IsOk());
  ASSERT_GT(response.points_size(), 0);
  *request.mutable_after_time() = response.points(response.points_size() - 1).end_time();
  ASSERT_THAT(get(request, &response), IsOk());
  EXPECT_EQ(response.points_size(), 0) << "none after the last";
}

}  // namespace
}  // namespace eldr

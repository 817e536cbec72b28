// A daemon whose pages a test reads as a browser does.
#ifndef ELDR_TESTS_SERVER_PAGE_PAGE_FIXTURE_H_
#define ELDR_TESTS_SERVER_PAGE_PAGE_FIXTURE_H_

#include <httplib.h>

#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/server/daemon_fixture.h"

namespace eldr {

using Json = nlohmann::json;

class PageTest : public DaemonTest {
 protected:
  // Two nodes of the test model.
  void StartWithNodes(const Config& config = TestConfig()) {
    StartDaemon(config);
    DeclareTestModel();
    RegisterTestNode("d0", 4);
    RegisterTestNode("d1");
  }
  // With a full signature, as of prefill worker p0.
  void PlaceSigned(const std::string& request_id) {
    v1::PushSignatureRequest push = TestPush(request_id);
    push.set_prefill_worker("p0");
    ASSERT_TRUE(Push(push).ok());
    ASSERT_TRUE(Place(request_id).ok());
  }

  httplib::Result Ask(const std::string& path, const httplib::Headers& headers = {}) const {
    httplib::Client client("127.0.0.1", daemon_->http_address().port);
    client.set_read_timeout(20);
    return client.Get(path.c_str(), headers);
  }
  // A page of the API as it is now: what others were told a moment ago would be told again.
  Json Api(const std::string& path) {
    clock_.Advance(absl::Seconds(1));
    const httplib::Result result = Ask("/api/v1/" + path);
    EXPECT_TRUE(result) << path;
    if (!result) return Json();
    EXPECT_EQ(result->status, 200) << path << ": " << result->body;
    EXPECT_EQ(result->get_header_value("Content-Type"), "application/json; charset=utf-8");
    EXPECT_EQ(result->get_header_value("Cache-Control"), "no-store");
    EXPECT_EQ(result->get_header_value("X-Content-Type-Options"), "nosniff");
    return Json::parse(result->body);  // which fails the test if it is none
  }
  // The error that a page answers, and its status as a member `http`.
  Json Refused(const std::string& path) {
    const httplib::Result result = Ask("/api/v1/" + path);
    EXPECT_TRUE(result) << path;
    if (!result) return Json();
    Json error = Json::parse(result->body)["error"];
    error["http"] = result->status;
    return error;
  }
  int HistoryPoints() const {
    v1::GetHistoryRequest request;
    request.set_model(kModel);
    v1::GetHistoryResponse response;
    grpc::ClientContext context;
    const auto stub = v1::HistoryService::NewStub(channel());
    return stub->GetHistory(&context, request, &response).ok() ? response.points_size() : -1;
  }
  // Lets a point of the history pass; the daemon takes it within a second of real time.
  void PassPoint() {
    const int before = HistoryPoints();
    clock_.Advance(absl::Seconds(10));
    ASSERT_TRUE(Eventually([&] { return HistoryPoints() > before; }));
  }
};

}  // namespace eldr

#endif  // ELDR_TESTS_SERVER_PAGE_PAGE_FIXTURE_H_

#include "eldr/client/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>

#include "absl/synchronization/notification.h"
#include "tests/client/fake_daemon.h"
#include "tests/support/status_matchers.h"

namespace eldr::client {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class ClientTest : public ::testing::Test {
 protected:
  ClientTest() {
    Options options;
    options.target = daemon_.target();
    options.timeout = absl::Seconds(30);  // for slow machines; no test waits for it
    options.retry.initial_backoff = absl::Milliseconds(1);
    options.retry.max_backoff = absl::Milliseconds(2);
    auto client = Client::Create(options);
    EXPECT_THAT(client, IsOk());
    client_ = *std::move(client);
  }

  // A call that fails with UNAVAILABLE `failures` times and then succeeds.
  template <typename Request, typename Response>
  static void FailFirst(FakeCall<Request, Response>& call, int failures) {
    auto left = std::make_shared<std::atomic<int>>(failures);
    call.set_answer([left](const Request&, Response*) {
      return left->fetch_sub(1) > 0 ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "not yet")
                                    : grpc::Status::OK;
    });
  }

  static v1::PlaceRequest PlaceRequest(const std::string& id) {
    v1::PlaceRequest request;
    request.set_model("m");
    request.set_request_id(id);
    return request;
  }

  FakeDaemon daemon_;
  std::unique_ptr<Client> client_;
};

TEST_F(ClientTest, CarriesARequestThereAndTheAnswerBack) {
  daemon_.placement.place.set_answer([](const v1::PlaceRequest& request, v1::PlaceResponse* out) {
    out->mutable_node()->set_node_id("d3");
    out->set_lease_id(9);
    return request.request_id() == "r1" ? grpc::Status::OK : grpc::Status::CANCELLED;
  });
  const auto placed = client_->Place(PlaceRequest("r1"));
  ASSERT_THAT(placed, IsOk());
  EXPECT_EQ(placed->node().node_id(), "d3");
  EXPECT_EQ(placed->lease_id(), 9u);
}

TEST_F(ClientTest, AnErrorKeepsItsCodeAndMessage) {
  daemon_.models.describe_model.set_answer([](const auto&, auto*) {
    return grpc::Status(grpc::StatusCode::NOT_FOUND, "model \"x\" is not declared");
  });
  EXPECT_THAT(client_->DescribeModel({}),
              StatusIs(absl::StatusCode::kNotFound, "model \"x\" is not declared"));
  EXPECT_THAT(daemon_.models.describe_model.requests(), SizeIs(1));
}

TEST_F(ClientTest, RetriesWhatIsSafeToRepeat) {
  FailFirst(daemon_.placement.place, 2);
  EXPECT_THAT(client_->Place(PlaceRequest("r1")), IsOk());
  EXPECT_THAT(daemon_.placement.place.requests(), SizeIs(3));
}

TEST_F(ClientTest, GivesUpAfterTheMostAttempts) {
  FailFirst(daemon_.placement.place, 1000);
  EXPECT_THAT(client_->Place(PlaceRequest("r1")),
              StatusIs(absl::StatusCode::kUnavailable, "not yet"));
  EXPECT_THAT(daemon_.placement.place.requests(), SizeIs(4));
}

TEST_F(ClientTest, AHeartbeatWithStepsIsSentOnce) {
  FailFirst(daemon_.fleet.heartbeat, 1);
  v1::HeartbeatRequest request;
  request.add_steps()->set_steps(3);
  EXPECT_THAT(client_->Heartbeat(request), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(daemon_.fleet.heartbeat.requests(), SizeIs(1));
  FailFirst(daemon_.fleet.heartbeat, 1);
  EXPECT_THAT(client_->Heartbeat({}), IsOk());
}

TEST_F(ClientTest, AnAppendIsRepeatedOnlyWhereItSaysItsPlace) {
  FailFirst(daemon_.placement.push_signature, 1);
  v1::PushSignatureRequest request;
  request.set_append(true);
  EXPECT_THAT(client_->PushSignature(request), StatusIs(absl::StatusCode::kUnavailable));
  FailFirst(daemon_.placement.push_signature, 1);
  request.set_append_at(64);
  EXPECT_THAT(client_->PushSignature(request), IsOk());
}

TEST_F(ClientTest, ACallEndsAtItsTimeout) {
  // Shared: the handler may come to it after the test has ended.
  auto release = std::make_shared<absl::Notification>();
  daemon_.fleet.list_nodes.set_answer([release](const auto&, auto*) {
    release->WaitForNotification();
    return grpc::Status::OK;
  });
  EXPECT_THAT(client_->ListNodes({}, {.timeout = absl::Milliseconds(50)}),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  release->Notify();
}

TEST_F(ClientTest, ADaemonThatIsNotThereIsUnavailable) {
  std::string gone;
  {
    const FakeDaemon other;
    gone = other.target();
  }
  auto client = Client::Create({.target = gone});
  ASSERT_THAT(client, IsOk());
  EXPECT_THAT((*client)->ListModels({}), StatusIs(absl::StatusCode::kUnavailable, HasSubstr(gone)));
}

TEST_F(ClientTest, ReadsTheHealthOfEachService) {
  daemon_.SetServing("readiness", false);
  daemon_.SetServing("liveness", true);
  EXPECT_THAT(client_->CheckHealth(), IsOkAndHolds(Health::kServing));
  EXPECT_THAT(client_->CheckHealth("liveness"), IsOkAndHolds(Health::kServing));
  EXPECT_THAT(client_->CheckHealth("readiness"), IsOkAndHolds(Health::kNotServing));
  EXPECT_THAT(client_->CheckHealth("nonsense"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ClientTest, ListsBringAllPagesOrTheOneAskedFor) {
  daemon_.fleet.list_nodes.set_answer(
      [](const v1::ListNodesRequest& request, v1::ListNodesResponse* response) {
        const std::string& token = request.page_token();
        response->add_nodes()->mutable_spec()->set_node_id(token.empty() ? "a" : token);
        if (token != "c") response->set_next_page_token(token.empty() ? "b" : "c");
        return request.model() == "m" ? grpc::Status::OK : grpc::Status::CANCELLED;
      });
  v1::ListNodesRequest request;
  request.set_model("m");
  const auto all = client_->ListNodes(request);
  ASSERT_THAT(all, IsOk());
  ASSERT_EQ(all->nodes_size(), 3);
  EXPECT_EQ(all->nodes(2).spec().node_id(), "c");
  EXPECT_EQ(all->next_page_token(), "");
  request.set_page_size(1);
  const auto one = client_->ListNodes(request);
  ASSERT_THAT(one, IsOk());
  EXPECT_EQ(one->nodes_size(), 1);
  EXPECT_EQ(one->next_page_token(), "b");
  request.clear_page_size();
  request.set_page_token("c");
  EXPECT_EQ(client_->ListNodes(request)->nodes_size(), 1);
}

TEST_F(ClientTest, AListThatNeverEndsEnds) {
  daemon_.models.list_models.set_answer([](const auto&, v1::ListModelsResponse* response) {
    response->set_next_page_token("again");
    return grpc::Status::OK;
  });
  EXPECT_THAT(client_->ListModels({}),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("next_page_token")));
}

TEST(ClientOptionsTest, RefusesValuesOutOfTheirRange) {
  const auto refused = [](const Options& options, const std::string& field) {
    EXPECT_THAT(Client::Create(options),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(field)));
  };
  refused({.target = ""}, "target");
  refused({.timeout = absl::ZeroDuration()}, "timeout");
  refused({.retry = {.max_attempts = 0}}, "max_attempts");
  refused({.retry = {.multiplier = 0.5}}, "multiplier");
  refused({.keepalive_time = absl::Milliseconds(999)}, "keepalive_time");
  refused({.keepalive_timeout = absl::ZeroDuration()}, "keepalive_timeout");
  for (const char* proxy : {"proxy:3128", "https://proxy:3128", "http://proxy", "http://:80",
                            "http://proxy:3128/path", "http://u:p@"}) {
    refused({.http_proxy = proxy}, "http_proxy");
  }
  refused({.max_receive_bytes = 0}, "max_receive_bytes");
}

}  // namespace
}  // namespace eldr::client

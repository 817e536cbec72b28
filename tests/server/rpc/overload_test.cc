// More callers than the daemon is set to serve, over real sockets.
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/config.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/server/daemon_fixture.h"
#include "tests/server/secured_daemon.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Code = absl::StatusCode;
using SteadyClock = std::chrono::steady_clock;

// Of this process, which holds the daemon and its clients.
double ResidentMiB() {
  std::ifstream file("/proc/self/statm");
  double all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

// Sanitizers keep freed memory for a while.
#if defined(ABSL_HAVE_ADDRESS_SANITIZER) || defined(ABSL_HAVE_THREAD_SANITIZER)
constexpr bool kMemoryTells = false;
#else
constexpr bool kMemoryTells = true;
#endif

// Callers that each place, release what they got, and place again at once, whatever the answer.
class Crowd {
 public:
  struct Counts {
    std::uint64_t placed = 0;
    std::uint64_t refused = 0;
  };

  Crowd(const std::string& target, int callers, absl::Duration wait) {
    for (int i = 0; i < 4; ++i) {
      stubs_.push_back(
          v1::PlacementService::NewStub(NewChannel(target, grpc::InsecureChannelCredentials())));
    }
    for (int i = 0; i < callers; ++i) {
      callers_.push_back(std::make_unique<Caller>(
          *this, *stubs_[static_cast<std::size_t>(i) % stubs_.size()], i, wait));
    }
  }
  ~Crowd() { Stop(); }

  void Start() {
    running_ = static_cast<int>(callers_.size());
    for (const auto& caller : callers_) caller->Place();
  }
  // Lets what is under way finish.
  void Stop() {
    stopping_ = true;
    EXPECT_TRUE(Eventually([this] { return running_ == 0; }));
  }
  Counts counts() const { return {.placed = placed_, .refused = refused_}; }
  // The first answer that is neither a placement nor RESOURCE_EXHAUSTED; OK if there is none.
  absl::Status odd() const { return odd_set_ ? odd_ : absl::OkStatus(); }
  double slowest_refusal_seconds() const { return slowest_refusal_; }

 private:
  class Caller {
   public:
    Caller(Crowd& crowd, v1::PlacementService::Stub& stub, int number, absl::Duration wait)
        : crowd_(crowd), stub_(stub), number_(number), wait_(wait) {}

    void Place() {
      if (crowd_.stopping_) {
        --crowd_.running_;
        return;
      }
      query_ = TestQuery(absl::StrCat("c", number_, "-", ++round_));
      if (wait_ > absl::ZeroDuration()) {
        query_.mutable_signature_wait()->set_nanos(
            static_cast<std::int32_t>(absl::ToInt64Nanoseconds(wait_)));
      }
      context_ = std::make_unique<grpc::ClientContext>();
      context_->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
      asked_ = SteadyClock::now();
      stub_.async()->Place(context_.get(), &query_, &placed_,
                           [this](grpc::Status status) { OnAnswer(status); });
    }

   private:
    void OnAnswer(const grpc::Status& status) {
      if (status.ok()) {
        ++crowd_.placed_;
        Release();
        return;
      }
      const std::chrono::duration<double> took = SteadyClock::now() - asked_;
      crowd_.OnError(status, took.count());
      Place();
    }
    void Release() {
      release_.mutable_lease()->set_model(kModel);
      release_.mutable_lease()->set_request_id(query_.request_id());
      context_ = std::make_unique<grpc::ClientContext>();
      stub_.async()->ReleaseLease(context_.get(), &release_, &released_,
                                  [this](const grpc::Status&) { Place(); });
    }

    Crowd& crowd_;
    v1::PlacementService::Stub& stub_;
    const int number_;
    const absl::Duration wait_;
    std::uint64_t round_ = 0;
    std::unique_ptr<grpc::ClientContext> context_;
    SteadyClock::time_point asked_;
    v1::PlaceRequest query_;
    v1::PlaceResponse placed_;
    v1::ReleaseLeaseRequest release_;
    v1::ReleaseLeaseResponse released_;
  };

  void OnError(const grpc::Status& status, double seconds) {
    if (status.error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED) {
      if (!odd_set_.exchange(true)) odd_ = FromGrpc(status);
      return;
    }
    ++refused_;
    double slowest = slowest_refusal_;
    while (seconds > slowest && !slowest_refusal_.compare_exchange_weak(slowest, seconds)) {
    }
  }

  std::vector<std::unique_ptr<v1::PlacementService::Stub>> stubs_;
  std::vector<std::unique_ptr<Caller>> callers_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> running_{0};
  std::atomic<std::uint64_t> placed_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<double> slowest_refusal_{0};
  std::atomic<bool> odd_set_{false};
  absl::Status odd_;
};

class OverloadTest : public DaemonTest {
 protected:
  void Start(const CallLimitsConfig& limits) {
    Config config = TestConfig();
    config.limits = limits;
    config.router.receipts = 64;
    StartDaemon(config);
    DeclareTestModel();
    RegisterTestNode("a");
    RegisterTestNode("b");
  }
};

// Each placement waits 50 ms for a signature that never comes, and 40 may wait at a time: 800 per
// second is what can be served, and twice as many callers as that ask without pause.
TEST_F(OverloadTest, BeyondItsLimitItServesAtItsLimitAndRefusesTheRestAtOnce) {
  Start({.waits = 40, .waits_per_peer = 40});
  Crowd crowd(grpc_target(), 80, absl::Milliseconds(50));
  crowd.Start();
  // In four equal parts of placements; the first warms up.
  constexpr std::uint64_t kPart = 400;
  double warm = 0;
  std::uint64_t refused_before = 0;
  for (std::uint64_t part = 1; part <= 4; ++part) {
    ASSERT_TRUE(Eventually([&] { return crowd.counts().placed >= part * kPart; }))
        << "placements stopped at " << crowd.counts().placed << ", after " << crowd.counts().refused
        << " refusals";
    const Crowd::Counts counts = crowd.counts();
    EXPECT_GT(counts.refused, refused_before) << "in part " << part;
    refused_before = counts.refused;
    if (part == 1) warm = ResidentMiB();
  }
  const double grown = ResidentMiB() - warm;
  crowd.Stop();
  const Crowd::Counts counts = crowd.counts();
  RecordProperty("placed", static_cast<int>(counts.placed));
  RecordProperty("refused", static_cast<int>(counts.refused));
  EXPECT_THAT(crowd.odd(), IsOk());
  EXPECT_EQ(Metric(R"(eldr_limit_exceeded_total{limit="waits"})"),
            static_cast<double>(counts.refused));
  if (kMemoryTells) {
    EXPECT_LT(grown, 24) << "MiB, over " << counts.placed << " placements and " << counts.refused
                         << " refusals";
  }
  EXPECT_EQ(Describe().leases(), 0u);
  EXPECT_EQ(Metric("eldr_calls_in_flight"), 0);
}

TEST_F(OverloadTest, ACrowdThatNeverWaitsIsServedInFlatMemory) {
  Start({});
  Crowd crowd(grpc_target(), 512, absl::ZeroDuration());
  crowd.Start();
  double warm = 0;
  for (std::uint64_t part = 1; part <= 4; ++part) {
    ASSERT_TRUE(Eventually([&] { return crowd.counts().placed >= part * 5000; }))
        << "placements stopped at " << crowd.counts().placed;
    if (part == 1) warm = ResidentMiB();
  }
  const double grown = ResidentMiB() - warm;
  crowd.Stop();
  EXPECT_THAT(crowd.odd(), IsOk());
  EXPECT_EQ(crowd.counts().refused, 0u);
  if (kMemoryTells) {
    EXPECT_LT(grown, 24) << "MiB over 15000 placements";
  }
  EXPECT_EQ(Describe().leases(), 0u);
}

TEST_F(OverloadTest, CallsStreamsAndLimitsOfTheRouterAreCountedByTheirNames) {
  Config config = TestConfig();
  config.limits = {.streams = 2, .streams_per_peer = 1};
  config.router.max_models = 1;
  config.router.max_nodes_per_model = 1;
  config.router.max_leases_per_model = 1;
  StartDaemon(config);
  DeclareTestModel();
  RegisterTestNode("a", 1);
  EXPECT_THAT(FromGrpc(Place("r1")), IsOk());
  EXPECT_THAT(FromGrpc(Place("r2")),
              StatusIs(Code::kResourceExhausted, StartsWith("limits.leases_per_model: model \"")));
  v1::NodeSpec spec;
  spec.set_node_id("b");
  spec.set_model(kModel);
  spec.set_address("b.test:1");
  EXPECT_THAT(FromGrpc(Register(spec)),
              StatusIs(Code::kResourceExhausted, StartsWith("limits.nodes_per_model: model \"")));
  grpc::ClientContext first, second;
  const auto open = placement_->StreamPlacements(&first);
  v1::StreamPlacementsRequest query;
  *query.mutable_place() = TestQuery("r1");
  v1::StreamPlacementsResponse answer;
  ASSERT_TRUE(open->Write(query) && open->Read(&answer));
  const auto refused = fleet_->StreamHeartbeats(&second);
  v1::StreamHeartbeatsResponse unused;
  EXPECT_FALSE(refused->Read(&unused));
  EXPECT_THAT(FromGrpc(refused->Finish()),
              StatusIs(Code::kResourceExhausted,
                       AllOf(HasSubstr("limits.streams_per_peer: 1"), HasSubstr("127.0.0.1"))));
  for (const char* const limit : {"leases_per_model", "nodes_per_model", "streams_per_peer"}) {
    EXPECT_EQ(Metric(absl::StrCat("eldr_limit_exceeded_total{limit=\"", limit, "\"}")), 1) << limit;
  }
  EXPECT_EQ(Metric(R"(eldr_limit_exceeded_total{limit="calls"})"), 0) << "there from the start";
  open->WritesDone();
  EXPECT_THAT(FromGrpc(open->Finish()), IsOk());
  // The daemon lets go of a stream a moment after its client has heard of the end.
  EXPECT_TRUE(Eventually([&] {
    grpc::ClientContext third;
    const auto again = placement_->StreamPlacements(&third);
    return again->Write(query) && again->Read(&answer);
  })) << "the place of the first is free";
}

TEST_F(OverloadTest, AnEndedWaitGivesItsPlaceBackHoweverItEnds) {
  Start({.waits = 1, .waits_per_peer = 1});
  const auto wait = [this](const std::string& id, std::chrono::milliseconds deadline) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + deadline);
    v1::PlaceRequest query = TestQuery(id);
    query.mutable_signature_wait()->set_nanos(50'000'000);
    v1::PlaceResponse response;
    return FromGrpc(placement_->Place(&context, query, &response));
  };
  EXPECT_THAT(wait("r1", std::chrono::milliseconds(10'000)), IsOk());
  EXPECT_THAT(wait("r2", std::chrono::milliseconds(10)), StatusIs(Code::kDeadlineExceeded));
  EXPECT_TRUE(Eventually([&] { return wait("r3", std::chrono::milliseconds(10'000)).ok(); }));
  EXPECT_EQ(Describe().leases(), 2u) << "nothing was placed after the deadline";
}

}  // namespace
}  // namespace eldr

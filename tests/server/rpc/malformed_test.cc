// Messages that are none, on every method: their sender hears INVALID_ARGUMENT and what is wrong.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "server/http/content_coding.h"
#include "tests/server/rpc/raw_http2.h"
#include "tests/server/rpc/service_methods.h"
#include "tests/server/secured_daemon.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

// Field 1 is text in some messages and a message in others; this is neither.
const char kNoMessage[] = "\x0a\x7f\xff";

template <typename Message>
Message Parsed(const std::string& bytes) {
  Message message;
  EXPECT_TRUE(message.ParseFromString(bytes));
  return message;
}

class MalformedTest : public SecuredDaemonTest {
 protected:
  int port() const { return daemon_->grpc_addresses().front().port; }

  // Sends bytes as they are, half-closes, and waits for the end.
  RawHttp2::Answer Call(const std::string& path, const std::string& bytes,
                        const RawHttp2::Headers& headers = {}) {
    RawHttp2 client(port());
    const auto stream = client.Open(path, "10S", headers);
    client.Data(stream, bytes, /*end=*/true);
    EXPECT_TRUE(client.Flush());
    EXPECT_TRUE(client.ReadUntil([&] { return client.Done(stream); })) << path;
    return client.answer(stream);
  }
};

TEST_F(MalformedTest, EveryMethodSaysWhatIsWrongWithItsMessage) {
  StartDaemon();
  for (const ServiceMethod& method : AllMethods()) {
    SCOPED_TRACE(method.path);
    const RawHttp2::Answer answer = Call(method.path, GrpcFrame(kNoMessage));
    EXPECT_THAT(answer.status(),
                StatusIs(Code::kInvalidArgument, HasSubstr("got 1 of the 127 bytes")));
    EXPECT_EQ(answer.data, "");
    EXPECT_EQ(Metric(absl::StrCat("eldr_calls_total{call=\"", method.name,
                                  "\",outcome=\"invalid_argument\"}")),
              1);
  }
}

// Half-closed before its message, in the head of gRPC's frame, at its end, and inside of the
// message. Streams are left out: of those gRPC drops a frame that is broken off, and tells of the
// half-close only.
TEST_F(MalformedTest, ACallWithoutAWholeMessageSaysWhichWasExpected) {
  StartDaemon();
  const std::string frame = GrpcFrame("0123456789");
  for (const ServiceMethod& method : AllMethods()) {
    if (method.client_streams) continue;
    for (const std::size_t size : {0u, 3u, 5u, 9u}) {
      EXPECT_THAT(Call(method.path, frame.substr(0, size)).status(),
                  StatusIs(Code::kInvalidArgument,
                           HasSubstr(absl::StrCat("expected a ", method.name, "Request"))))
          << "after " << size << " bytes";
    }
  }
}

// Else a few of them, from anybody, would fill the memory: unpacked they may be 1,000 times as
// long.
TEST_F(MalformedTest, ACompressedMessageIsRefusedWithoutBeingUnpacked) {
  StartDaemon(WithTokens(TestConfig()));
  std::string frame = GrpcFrame(Gzip(std::string(64 << 20, '\0')));
  frame[0] = 1;  // compressed
  for (const ServiceMethod& method : AllMethods()) {
    for (const char* const encoding : {"gzip", "deflate"}) {
      const absl::Status status = Call(method.path, frame, {{"grpc-encoding", encoding}}).status();
      EXPECT_THAT(status, StatusIs(Code::kUnimplemented, HasSubstr(encoding))) << method.path;
    }
  }
}

TEST_F(MalformedTest, WhoMayNotCallHearsThatFirst) {
  StartDaemon(WithTokens(TestConfig()));
  for (const ServiceMethod& method : AllMethods()) {
    EXPECT_THAT(Call(method.path, GrpcFrame(kNoMessage)).status(),
                StatusIs(Code::kUnauthenticated, HasSubstr("credential")))
        << method.path;
  }
}

class MalformedStreamTest : public MalformedTest {
 protected:
  using Query = v1::StreamPlacementsRequest;
  using Answer = v1::StreamPlacementsResponse;

  void SetUp() override {
    StartDaemon();
    DeclareTestModel();
    RegisterTestNode("a");
  }
  static std::string QueryBytes(std::uint64_t id, const std::string& request_id) {
    Query query;
    query.set_id(id);
    *query.mutable_place() = TestQuery(request_id);
    return query.SerializeAsString();
  }
  static std::string Replaced(std::string bytes, char from, char to) {
    for (char& byte : bytes) byte = byte == from ? to : byte;
    return bytes;
  }
  RawHttp2::Answer Stream(const std::vector<std::string>& messages) {
    std::string frames;
    for (const std::string& message : messages) frames += GrpcFrame(message);
    return Call("/eldr.v1.PlacementService/StreamPlacements", frames);
  }
};

TEST_F(MalformedStreamTest, ABadMessageIsAnsweredByItsNumberAndTheStreamGoesOn) {
  const std::string bad = Replaced(QueryBytes(2, "r@"), '@', '\xff');
  const RawHttp2::Answer answer =
      Stream({QueryBytes(1, "r1"), bad, QueryBytes(3, "r3"), bad.substr(0, 6)});
  EXPECT_THAT(answer.status(), IsOk());
  const std::vector<std::string> messages = answer.Messages();
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_TRUE(Parsed<Answer>(messages[0]).has_placed());
  const Answer refused = Parsed<Answer>(messages[1]);
  EXPECT_EQ(refused.id(), 2u);
  EXPECT_EQ(refused.error().code(), static_cast<int>(Code::kInvalidArgument));
  EXPECT_THAT(refused.error().message(),
              AllOf(HasSubstr("place.request_id"), HasSubstr("UTF-8 at byte 1")));
  EXPECT_TRUE(Parsed<Answer>(messages[2]).has_placed());
  EXPECT_EQ(Parsed<Answer>(messages[3]).id(), 2u);
  EXPECT_EQ(Metric(R"(eldr_calls_total{call="StreamPlacements",outcome="invalid_argument"})"), 2);
}

TEST_F(MalformedStreamTest, OneWithoutANumberEndsItOnceAllBeforeIsAnswered) {
  v1::PlaceRequest waits = TestQuery("r1");
  waits.mutable_signature_wait()->set_nanos(20'000'000);
  Query first;
  first.set_id(1);
  *first.mutable_place() = waits;
  const RawHttp2::Answer answer =
      Stream({first.SerializeAsString(), "\xff\xff\xff", QueryBytes(3, "r3")});
  EXPECT_THAT(answer.status(), StatusIs(Code::kInvalidArgument, HasSubstr("byte 0")));
  const std::vector<std::string> messages = answer.Messages();
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_TRUE(Parsed<Answer>(messages[0]).has_placed());
  EXPECT_EQ(Describe().leases(), 1u) << "what came after it was not acted upon";
}

TEST_F(MalformedStreamTest, AMessageThatIsTooLargeDoesNotEndItWithOk) {
  grpc::ClientContext context;
  const auto stream = placement_->StreamPlacements(&context);
  Query large;
  large.mutable_place()->set_model(std::string(5 << 20, 'x'));
  stream->Write(large);
  stream->WritesDone();
  Answer answer;
  while (stream->Read(&answer)) {
  }
  EXPECT_THAT(FromGrpc(stream->Finish()),
              StatusIs(Code::kResourceExhausted, HasSubstr("larger than max")));
}

TEST_F(MalformedTest, MetadataIsTakenUpToItsLimit) {
  Config config = TestConfig();
  config.grpc.max_metadata_bytes = 32 << 10;
  StartDaemon(config);
  const auto with = [&](std::size_t bytes) {
    grpc::ClientContext context;
    context.AddMetadata("baggage", std::string(bytes, 'x'));
    v1::ListModelsResponse response;
    return FromGrpc(models_->ListModels(&context, {}, &response));
  };
  EXPECT_THAT(with(0), IsOk());  // the client knows the limit from now on
  EXPECT_THAT(with(30 << 10), IsOk());
  EXPECT_THAT(with(33 << 10), StatusIs(Code::kResourceExhausted, HasSubstr("metadata size")));
}

}  // namespace
}  // namespace eldr

#include "server/rpc/message_parts.h"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "eldr/v1/fleet.pb.h"
#include "eldr/v1/placement.pb.h"
#include "gmock/gmock.h"
#include "server/rpc/received.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Optional;
using ::testing::StartsWith;

template <typename Message>
std::optional<WireFault> Excess(const std::string& bytes) {
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()), 100);
  return FindTooManyParts(*Message::descriptor(), stream, bytes.size());
}

// `count` times the bytes.
std::string Repeated(const std::string& bytes, std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += bytes;
  return all;
}

// One of a field that has a number and a content below 16 and 128.
std::string Delimited(int number, const std::string& content) {
  return std::string{static_cast<char>((number << 3) | 2), static_cast<char>(content.size())} +
         content;
}

TEST(MessagePartsTest, TheLargestMessagesThatAreAskedForAreTaken) {
  v1::ReleaseLeasesRequest releases;
  for (int i = 0; i < 10'000; ++i) {
    v1::ReleaseLeaseRequest& release = *releases.add_releases();
    release.mutable_lease()->set_model("qwen3-30b-a3b");
    release.mutable_lease()->set_request_id(absl::StrCat("chatcmpl-8d2f64c0-", i));
    v1::ExpertSignature& counts = *release.mutable_decode_counts();
    counts.set_tokens(1);
    counts.mutable_sparse()->add_indices(1);
    counts.mutable_sparse()->add_counts(1);
  }
  EXPECT_EQ(Excess<v1::ReleaseLeasesRequest>(releases.SerializeAsString()), std::nullopt);

  v1::HeartbeatRequest heartbeat;
  for (int i = 0; i < 10'000; ++i) {
    const std::string id = absl::StrCat("chatcmpl-8d2f64c0-", i);
    heartbeat.add_running_request_ids(id);
    heartbeat.add_finished_request_ids(id);
    heartbeat.add_finished()->set_request_id(id);
  }
  EXPECT_EQ(Excess<v1::HeartbeatRequest>(heartbeat.SerializeAsString()), std::nullopt);

  v1::PlaceRequest query;
  query.mutable_signature()->mutable_dense()->set_data(std::string(1 << 20, '\x07'));
  for (int i = 0; i < 65'536; ++i) query.add_allow_nodes(absl::StrCat("node-", i));
  EXPECT_EQ(Excess<v1::PlaceRequest>(query.SerializeAsString()), std::nullopt);
}

TEST(MessagePartsTest, OneThatWouldSwellInMemoryIsNamedByItsField) {
  const std::size_t most = kMostMessageParts;
  EXPECT_EQ(Excess<v1::PlaceRequest>(Repeated(Delimited(8, ""), most)), std::nullopt);
  const auto names = [&](const std::string& bytes) {
    const auto excess = Excess<v1::StreamPlacementsRequest>(bytes);
    return excess ? excess->what : "";
  };
  const std::string place = Repeated(Delimited(8, ""), most);
  const std::string length = {static_cast<char>((place.size() & 127) | 128),
                              static_cast<char>((place.size() >> 7 & 127) | 128),
                              static_cast<char>(place.size() >> 14)};
  EXPECT_THAT(names("\x12" + length + place),
              AllOf(StartsWith("place.allow_nodes: "), HasSubstr("more than 100000 parts")));
  EXPECT_THAT(names(Repeated(Delimited(15, ""), most + 1)), StartsWith("15: ")) << "not known";
  EXPECT_THAT(names(Repeated("\x78\x01", most + 1)), StartsWith("15: ")) << "a number";
  EXPECT_THAT(names(Repeated("\x12\x01\x07", most + 1)), "") << "broken off at once";
  EXPECT_THAT(names(Repeated("\x7b\x7c", most)), StartsWith("15: ")) << "groups";
  EXPECT_THAT(names(Repeated("\x0d\x01\x01\x01\x01", most + 1)), "")
      << "field 1 is a number: no more than some bytes each";
  EXPECT_THAT(names(Repeated("\x10\x01", most + 1)), StartsWith("place: ")) << "of another type";
}

TEST(MessagePartsTest, ItIsRefusedUnparsedByItsNumber) {
  const std::string bytes = "\x08\x07" + Repeated(Delimited(2, ""), kMostMessageParts + 1);
  grpc::Slice slice(bytes);
  grpc::ByteBuffer buffer(&slice, 1);
  Received<v1::StreamPlacementsRequest> received;
  received.Read(buffer);
  EXPECT_THAT(received.status(),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("place: got more than")));
  EXPECT_THAT(received.id(), Optional(7u));
  EXPECT_FALSE(received.message().has_place());
}

}  // namespace
}  // namespace eldr

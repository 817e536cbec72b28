#include "server/rpc/received.h"

#include <grpcpp/support/slice.h>

#include <random>
#include <string>
#include <vector>

#include "eldr/v1/placement.pb.h"
#include "gmock/gmock.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Optional;
using Code = absl::StatusCode;

std::string Field(int number, const std::string& bytes) {
  return std::string(1, static_cast<char>(number << 3 | 2)) +
         std::string(1, static_cast<char>(bytes.size())) + bytes;
}

// As gRPC hands it over: in pieces, wherever the network cut it.
grpc::ByteBuffer InPieces(const std::string& bytes, std::size_t piece) {
  std::vector<grpc::Slice> slices;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    slices.emplace_back(bytes.substr(at, piece));
  }
  if (slices.empty()) slices.emplace_back();
  return grpc::ByteBuffer(slices.data(), slices.size());
}

template <typename Message>
Received<Message> Receive(const std::string& bytes, std::size_t piece = 1000) {
  Received<Message> received;
  grpc::ByteBuffer buffer = InPieces(bytes, piece);
  received.Read(buffer);
  EXPECT_FALSE(buffer.Valid()) << "it is consumed";
  return received;
}

TEST(ReceivedTest, AMessageIsRead) {
  v1::PlaceRequest sent;
  sent.set_model("m");
  sent.set_request_id("r");
  for (const std::size_t piece : {1u, 3u, 1000u}) {
    const auto received = Receive<v1::PlaceRequest>(sent.SerializeAsString(), piece);
    ASSERT_THAT(received.status(), IsOk());
    EXPECT_EQ(received.message().request_id(), "r");
  }
  EXPECT_THAT(Receive<v1::PlaceRequest>("").status(), IsOk()) << "no bytes are a message";
}

TEST(ReceivedTest, ALargeMessageGivesItsMemoryBackBeforeTheCallEnds) {
  v1::PlaceRequest sent;
  for (int i = 0; i < 10'000; ++i) sent.add_allow_nodes("n");
  const auto received = Receive<v1::PlaceRequest>(sent.SerializeAsString());
  EXPECT_EQ(received.message().allow_nodes_size(), 10'000);
  received.Discard();
  EXPECT_LT(received.message().SpaceUsedLong(), 1000u);
  // A small one stays, for the next of its stream to be read into.
  sent.clear_allow_nodes();
  sent.set_model("m");
  const auto small = Receive<v1::PlaceRequest>(sent.SerializeAsString());
  small.Discard();
  EXPECT_EQ(small.message().model(), "m");
}

TEST(ReceivedTest, WhatIsWrongIsNamedByItsField) {
  const struct {
    std::string bytes;
    std::string words;
  } kCases[] = {
      {Field(1, "m") + Field(2, "r\xff"),
       "request_id: got text that is not UTF-8 at byte 1, expected UTF-8"},
      {Field(8, "\xc3\x28"), "allow_nodes: got text that is not UTF-8 at byte 0"},
      {Field(1, "model").substr(0, 4), "model: got 2 of the 5 bytes"},
      {std::string("\x12", 1), "request_id: got a length that is cut off"},
      {std::string("\x20\xff", 2), "sequences: got a number that is cut off"},
      {std::string("\0", 1), "got no field at byte 0, expected protobuf"},
      {Field(10, "\x08"), "signature_wait.seconds: got a number that is cut off"},
      {Field(3, Field(4, "\x0a\x7f")), "signature."},
      {Field(99, "x").substr(0, 1) + "\xff\xff\xff\xff\xff", "got"},
  };
  for (const auto& [bytes, words] : kCases) {
    for (const std::size_t piece : {1u, 1000u}) {
      const auto received = Receive<v1::PlaceRequest>(bytes, piece);
      EXPECT_THAT(received.status(), StatusIs(Code::kInvalidArgument, HasSubstr(words)));
    }
  }
}

TEST(ReceivedTest, ACallWithoutAMessageSaysWhichWasExpected) {
  Received<v1::PlaceRequest> received;
  grpc::ByteBuffer none;
  received.Read(none);
  EXPECT_THAT(
      received.status(),
      StatusIs(Code::kInvalidArgument, AllOf(HasSubstr("no message"), HasSubstr("PlaceRequest"))));
}

TEST(ReceivedTest, AnElementsNumberIsReadWhereTheBytesTellIt) {
  using Query = v1::StreamPlacementsRequest;
  const std::string number("\x08\x07", 2);
  const std::string bad = Field(2, Field(2, "\xff"));
  EXPECT_THAT(Receive<Query>(number + bad).id(), Optional(7u));
  EXPECT_THAT(Receive<Query>(bad + number).id(), Optional(7u)) << "whatever the order";
  EXPECT_THAT(Receive<Query>(number + bad.substr(0, 3)).id(), Optional(7u)) << "cut off behind it";
  EXPECT_THAT(Receive<Query>(bad).id(), Optional(0u)) << "whole, and 0 is not written";
  EXPECT_EQ(Receive<Query>(bad.substr(0, 3)).id(), std::nullopt) << "it may come in what is cut";
  EXPECT_EQ(Receive<Query>("\xff\xff").id(), std::nullopt);
}

TEST(ReceivedTest, AReadAfterABadOneIsWell) {
  Received<v1::PlaceRequest> received;
  grpc::ByteBuffer bad = InPieces(Field(2, "\xff"), 1000);
  received.Read(bad);
  ASSERT_FALSE(received.status().ok());
  grpc::ByteBuffer good = InPieces(Field(2, "r"), 1000);
  received.Read(good);
  EXPECT_THAT(received.status(), IsOk());
  EXPECT_EQ(received.message().request_id(), "r");
}

// Whatever the bytes: read, or refused with words.
TEST(ReceivedTest, RandomBytesAreReadOrRefusedWithWords) {
  std::mt19937 random(static_cast<unsigned>(::testing::UnitTest::GetInstance()->random_seed()));
  v1::StreamPlacementsRequest query;
  query.set_id(5);
  query.mutable_place()->set_model("m");
  query.mutable_place()->set_request_id("a request");
  query.mutable_place()->add_allow_nodes("node");
  query.mutable_place()->mutable_signature()->mutable_dense()->set_data("\3\3\1\1");
  const std::string good = query.SerializeAsString();
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good.substr(0, random() % 4 == 0 ? random() % good.size() : good.size());
    for (unsigned flips = random() % 4; flips > 0 && !bytes.empty(); --flips) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    const auto received = Receive<v1::StreamPlacementsRequest>(bytes, 1 + random() % 40);
    if (received.status().ok()) continue;
    ++refused;
    ASSERT_EQ(received.status().code(), Code::kInvalidArgument);
    ASSERT_FALSE(received.status().message().empty());
    ASSERT_LT(received.status().message().size(), 300u);
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace eldr

#include "tools/fit/capture_file.h"

#include <fstream>

#include "absl/strings/str_cat.h"
#include "eldr/storage/v1/capture.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/record/record_stream.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace eldr::fit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CaptureFileTest : public ::testing::Test {
 protected:
  static storage::v1::CaptureRecord Record(std::uint64_t request, const std::string& counts,
                                           std::int64_t seconds = 0) {
    storage::v1::CaptureRecord record;
    record.set_model("m");
    record.set_request(request);
    record.mutable_receive_time()->set_seconds(seconds);
    record.mutable_signature()->mutable_dense()->set_encoding(v1::COUNT_ENCODING_UINT8);
    record.mutable_signature()->mutable_dense()->set_data(counts);
    return record;
  }
  static storage::v1::CaptureRecord Decode(std::uint64_t request, const std::string& counts) {
    storage::v1::CaptureRecord record = Record(request, counts);
    const v1::ExpertSignature signature = record.signature();
    *record.mutable_decode_counts() = signature;
    return record;
  }

  std::string Write(const std::string& name, const std::vector<storage::v1::CaptureRecord>& records,
                    const std::string& tail = "") {
    std::string bytes = "ELDRCAP1";
    for (const storage::v1::CaptureRecord& record : records) AppendRecord(record, bytes);
    std::ofstream(dir_ / name) << bytes << tail;
    return dir_ / name;
  }

  TempDir dir_;
  CaptureSelection selection_{.model = "", .most_requests = 10, .layers = 2, .experts = 2};
};

TEST_F(CaptureFileTest, AddsChunksAndTakesTheLastSignature) {
  storage::v1::CaptureRecord chunk = Record(1, {"\x01\x00\x02\x01", 4}, 11);
  chunk.set_append(true);
  const std::string first = Write(
      "signatures-1", {Record(1, "\x09\x09\x09\x09"), Record(1, {"\x01\x01\x00\x02", 4}, 10)});
  const std::string second = Write("signatures-2", {chunk});
  const auto input = ReadCaptureFiles({second, first}, selection_);
  ASSERT_THAT(input, IsOk());
  ASSERT_EQ(input->signatures.size(), 1u);
  EXPECT_THAT(input->signatures[0], ElementsAre(2, 1, 2, 3));
  EXPECT_TRUE(input->decode_counts.empty());
}

TEST_F(CaptureFileTest, ReadsSparseAndWideCounts) {
  storage::v1::CaptureRecord sparse = Record(1, "");
  sparse.mutable_signature()->mutable_sparse()->add_indices(3);
  sparse.mutable_signature()->mutable_sparse()->add_counts(70'000);
  storage::v1::CaptureRecord wide = Record(2, {"\x00\x01\x02\x00\x03\x00\x04\x00", 8}, 1);
  wide.mutable_signature()->mutable_dense()->set_encoding(v1::COUNT_ENCODING_UINT16);
  const auto input = ReadCaptureFiles({Write("f", {sparse, wide})}, selection_);
  ASSERT_THAT(input, IsOk());
  ASSERT_EQ(input->signatures.size(), 2u);
  EXPECT_THAT(input->signatures[0], ElementsAre(0, 0, 0, 70'000));
  EXPECT_THAT(input->signatures[1], ElementsAre(256, 2, 3, 4));
}

TEST_F(CaptureFileTest, NoRecordLeavesAnythingToTheNext) {
  storage::v1::CaptureRecord chunk = Record(1, "\x01\x01\x01\x01", 1);
  chunk.set_append(true);
  const storage::v1::CaptureRecord whole = Record(1, "\x05\x05\x05\x05", 2);
  std::vector<storage::v1::CaptureRecord> sparse;
  for (std::uint32_t cell = 0; cell < 2; ++cell) {
    storage::v1::CaptureRecord& record = sparse.emplace_back(Record(2 + cell, "", 3 + cell));
    record.mutable_signature()->mutable_sparse()->add_indices(cell);
    record.mutable_signature()->mutable_sparse()->add_counts(7);
  }
  const auto input =
      ReadCaptureFiles({Write("f", {chunk, whole, sparse[0], sparse[1]})}, selection_);
  ASSERT_THAT(input, IsOk());
  ASSERT_EQ(input->signatures.size(), 3u);
  EXPECT_THAT(input->signatures[0], ElementsAre(5, 5, 5, 5)) << "the whole one replaces the chunk";
  EXPECT_THAT(input->signatures[1], ElementsAre(7, 0, 0, 0));
  EXPECT_THAT(input->signatures[2], ElementsAre(0, 7, 0, 0));
}

TEST_F(CaptureFileTest, TakesTheNewestRequests) {
  selection_.most_requests = 2;
  const auto input = ReadCaptureFiles(
      {Write("f", {Record(5, "\x01\x01\x01\x01", 30), Record(6, "\x02\x02\x02\x02", 10),
                   Record(7, "\x03\x03\x03\x03", 20)})},
      selection_);
  ASSERT_THAT(input, IsOk());
  ASSERT_EQ(input->signatures.size(), 2u);
  EXPECT_THAT(input->signatures[0], ElementsAre(3, 3, 3, 3));
  EXPECT_THAT(input->signatures[1], ElementsAre(1, 1, 1, 1));
}

TEST_F(CaptureFileTest, PairsDecodeCountsIfHalfOfTheRequestsHaveThem) {
  const storage::v1::CaptureRecord a = Record(1, "\x01\x01\x01\x01", 1);
  const storage::v1::CaptureRecord b = Record(2, "\x02\x02\x02\x02", 2);
  const storage::v1::CaptureRecord c = Record(3, "\x03\x03\x03\x03", 3);
  const storage::v1::CaptureRecord of_b = Decode(2, "\x07\x07\x07\x07");
  const auto paired = ReadCaptureFiles({Write("two", {a, b, of_b})}, selection_);
  ASSERT_THAT(paired, IsOk());
  ASSERT_EQ(paired->signatures.size(), 1u);
  ASSERT_EQ(paired->decode_counts.size(), 1u);
  EXPECT_THAT(paired->signatures[0], ElementsAre(2, 2, 2, 2));
  EXPECT_THAT(paired->decode_counts[0], ElementsAre(7, 7, 7, 7));
  const auto alone = ReadCaptureFiles({Write("three", {a, b, c, of_b})}, selection_);
  ASSERT_THAT(alone, IsOk());
  EXPECT_EQ(alone->signatures.size(), 3u);
  EXPECT_TRUE(alone->decode_counts.empty());
}

TEST_F(CaptureFileTest, ATornEndIsLeftOut) {
  const auto input =
      ReadCaptureFiles({Write("f", {Record(1, "\x01\x01\x01\x01")}, "\x30torn")}, selection_);
  ASSERT_THAT(input, IsOk());
  EXPECT_EQ(input->signatures.size(), 1u);
}

TEST_F(CaptureFileTest, SeveralModelsNeedAName) {
  storage::v1::CaptureRecord other = Record(9, "\x05\x05\x05\x05");
  other.set_model("n");
  const std::string path = Write("f", {Record(1, "\x01\x01\x01\x01"), other});
  EXPECT_THAT(ReadCaptureFiles({path}, selection_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("captured: m, n")));
  selection_.model = "n";
  const auto input = ReadCaptureFiles({path}, selection_);
  ASSERT_THAT(input, IsOk());
  EXPECT_THAT(input->signatures[0], ElementsAre(5, 5, 5, 5));
  selection_.model = "x";
  EXPECT_THAT(ReadCaptureFiles({path}, selection_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no signature of model x")));
}

TEST_F(CaptureFileTest, RefusesOtherFilesAndOtherGeometries) {
  std::ofstream(dir_ / "frames") << "\x04";
  EXPECT_THAT(ReadCaptureFiles({dir_ / "frames"}, selection_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no capture of eldrd")));
  const std::string path = Write("f", {Record(1, "\x01\x01\x01\x01"), Record(2, "\x01\x01")});
  EXPECT_THAT(ReadCaptureFiles({path}, selection_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("f: record 1: bytes of counts: got 2, expected 4")));
}

}  // namespace
}  // namespace eldr::fit

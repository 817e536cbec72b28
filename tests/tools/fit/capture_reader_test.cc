#include "tools/fit/capture_reader.h"

#include <cstring>
#include <fstream>
#include <limits>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace eldr::fit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename Value>
std::string Frame(const std::vector<Value>& values) {
  const auto length = static_cast<std::uint32_t>(values.size() * sizeof(Value));
  std::string bytes(sizeof(length) + length, '\0');
  std::memcpy(bytes.data(), &length, sizeof(length));
  std::memcpy(bytes.data() + sizeof(length), values.data(), length);
  return bytes;
}

std::string Counts(std::vector<std::int16_t> values) { return Frame(values); }

absl::Status Append(const std::string& bytes, VectorSet& vectors,
                    FrameValue value = FrameValue::kInt16) {
  return AppendFrames(bytes, value, 2, 2, vectors);
}

TEST(CaptureReaderTest, ReadsFrames) {
  VectorSet vectors;
  ASSERT_THAT(Append(Counts({1, 0, 32767, 300}) + Counts({5, 6, 7, 8}), vectors), IsOk());
  ASSERT_EQ(vectors.size(), 2u);
  EXPECT_THAT(vectors[0], ElementsAre(1, 0, 32767, 300));
  EXPECT_THAT(vectors[1], ElementsAre(5, 6, 7, 8));
  ASSERT_THAT(Append(Frame<float>({0.5f, 0, 1, 2}), vectors, FrameValue::kFloat32), IsOk());
  EXPECT_THAT(vectors[2], ElementsAre(0.5f, 0, 1, 2));
}

TEST(CaptureReaderTest, RefusesMalformedFramesAndNamesThem) {
  const std::string good = Counts({1, 2, 3, 4});
  const std::pair<std::string, const char*> bad[] = {
      {good + std::string("\x08\0\0", 3), "frame 1: 3 bytes are left"},
      {good + Counts({1, 2, 3}), "frame 1: got the length 6, expected 8"},
      {good + good.substr(0, 9), "frame 1: ends after 5 bytes"},
      {good + Counts({1, 2, -3, 4}), "frame 1, value 2: got -3"},
  };
  for (const auto& [bytes, message] : bad) {
    VectorSet vectors;
    EXPECT_THAT(Append(bytes, vectors),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  }
  VectorSet vectors;
  EXPECT_THAT(Append(Frame<float>({0, 0, 0, std::numeric_limits<float>::infinity()}), vectors,
                     FrameValue::kFloat32),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("frame 0, value 3")));
}

TEST(CaptureReaderTest, ReadsFilesOneAfterTheOther) {
  std::vector<std::string> paths;
  for (const std::int16_t value : {std::int16_t{1}, std::int16_t{2}}) {
    paths.push_back(absl::StrCat(::testing::TempDir(), "/capture_reader_test_", value));
    std::ofstream(paths.back(), std::ios::binary) << Counts({value, 0, 0, 0});
  }
  const auto vectors = ReadCaptures(paths, FrameValue::kInt16, 2, 2);
  ASSERT_THAT(vectors, IsOk());
  ASSERT_EQ(vectors->size(), 2u);
  EXPECT_EQ((*vectors)[1][0], 2);
  EXPECT_THAT(ReadCaptures(paths, FrameValue::kInt16, 2, 3),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(paths[0])));
  EXPECT_THAT(ReadCaptures({}, FrameValue::kInt16, 2, 2),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no frame")));
  EXPECT_THAT(ReadCaptures({"/nonexistent"}, FrameValue::kInt16, 2, 2),
              StatusIs(absl::StatusCode::kNotFound));
  for (const std::string& path : paths) std::remove(path.c_str());
}

TEST(CaptureReaderTest, TakesSignaturesAndDecodeCountsFromATrace) {
  const auto trace = replay::LoadTrace(ELDR_TEST_TRACE, {});
  ASSERT_THAT(trace, IsOk());
  std::vector<bool> chosen(trace->requests.size());
  chosen[1] = chosen[3] = true;
  const FitInput input = InputFromTrace(*trace, chosen);
  ASSERT_EQ(input.signatures.size(), 2u);
  ASSERT_EQ(input.decode_counts.size(), 2u);
  const replay::TraceRequest& request = trace->requests[3];
  // Every token picks top_k experts of every layer.
  for (std::uint32_t layer = 0; layer < input.layers; ++layer) {
    float signature = 0, decode = 0;
    for (std::uint32_t e = 0; e < input.experts; ++e) {
      signature += input.signatures[1][layer * input.experts + e];
      decode += input.decode_counts[1][layer * input.experts + e];
    }
    EXPECT_EQ(signature, static_cast<float>(request.signature_rows * trace->geometry.top_k));
    EXPECT_EQ(decode, static_cast<float>(request.decode_rows * trace->geometry.top_k));
  }
  // The counts of a cell, by looking at its bit in each row.
  for (const std::size_t cell : {std::size_t{0}, std::size_t{77}, trace->geometry.cells() - 1}) {
    float count = 0;
    for (std::uint32_t row = 0; row < request.decode_rows; ++row) {
      count += static_cast<float>(
          trace->rows.Row(request.first_decode_row() + row)[cell / 64] >> (cell % 64) & 1);
    }
    EXPECT_EQ(input.decode_counts[1][cell], count) << cell;
  }
}

}  // namespace
}  // namespace eldr::fit

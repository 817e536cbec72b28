#include "server/record/signature_capture.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/record/record_stream.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

class SignatureCaptureTest : public ::testing::Test {
 protected:
  SignatureCaptureTest() { config_.directory = dir_ / "captures"; }

  std::unique_ptr<SignatureCapture> MustOpen() {
    auto capture = SignatureCapture::Open(config_, clock_, log_);
    EXPECT_THAT(capture, IsOk());
    return *std::move(capture);
  }

  static v1::ExpertSignature Signature(std::size_t bytes = 4) {
    v1::ExpertSignature signature;
    signature.set_tokens(1);
    signature.mutable_dense()->set_encoding(v1::COUNT_ENCODING_UINT8);
    signature.mutable_dense()->set_data(std::string(bytes, '\x01'));
    return signature;
  }

  std::vector<std::filesystem::path> Files() const {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(config_.directory)) {
      files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  std::vector<storage::v1::CaptureRecord> Records() const {
    std::vector<storage::v1::CaptureRecord> records;
    for (const std::filesystem::path& file : Files()) {
      std::ostringstream text;
      text << std::ifstream(file).rdbuf();
      const std::string bytes = text.str();
      EXPECT_TRUE(absl::StartsWith(bytes, SignatureCapture::kMagic)) << file;
      bool torn = true;
      EXPECT_THAT(VisitRecords<storage::v1::CaptureRecord>(
                      absl::string_view(bytes).substr(8),
                      [&](storage::v1::CaptureRecord record) {
                        records.push_back(std::move(record));
                        return absl::OkStatus();
                      },
                      &torn),
                  IsOk());
      EXPECT_FALSE(torn) << file;
    }
    return records;
  }

  TempDir dir_;
  FakeClock clock_;
  Log log_{LogConfig{.level = "error"}, clock_};
  CaptureConfig config_;
};

TEST_F(SignatureCaptureTest, RecordsWhatCameAndNotWhoAsked) {
  {
    const auto capture = MustOpen();
    capture->OnSignature("m", "secret-id", false, Signature());
    capture->OnSignature("m", "secret-id", true, Signature());
    capture->OnDecodeCounts("m", "secret-id", Signature());
    capture->OnSignature("m", "other", false, Signature());
  }
  const std::vector<storage::v1::CaptureRecord> records = Records();
  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(records[0].model(), "m");
  EXPECT_FALSE(records[0].append());
  EXPECT_TRUE(records[1].append());
  EXPECT_TRUE(records[2].has_decode_counts());
  EXPECT_EQ(records[0].request(), records[2].request());
  EXPECT_NE(records[0].request(), records[3].request());
  EXPECT_EQ(records[0].receive_time().seconds(), absl::ToUnixSeconds(clock_.Wall()));
  for (const storage::v1::CaptureRecord& record : records) {
    EXPECT_FALSE(absl::StrContains(record.SerializeAsString(), "secret"));
  }
}

TEST_F(SignatureCaptureTest, KeepsAShareOfTheRequestsAndAllOfEach) {
  config_.share = 0.25;
  {
    const auto capture = MustOpen();
    for (int i = 0; i < 2000; ++i) {
      capture->OnSignature("m", absl::StrCat("r", i), false, Signature());
      capture->OnDecodeCounts("m", absl::StrCat("r", i), Signature());
    }
  }
  const std::vector<storage::v1::CaptureRecord> records = Records();
  // 2 * 2,000 / 4, and six standard deviations.
  EXPECT_NEAR(static_cast<double>(records.size()), 1000, 240);
  ASSERT_EQ(records.size() % 2, 0u);
  for (std::size_t i = 0; i < records.size(); i += 2) {
    EXPECT_EQ(records[i].request(), records[i + 1].request());
  }
}

TEST_F(SignatureCaptureTest, StartsAnotherFileAndDeletesTheOldest) {
  config_.file_bytes = 10'000;
  config_.max_bytes = 35'000;
  const auto capture = MustOpen();
  for (int i = 0; i < 100; ++i) {
    capture->OnSignature("m", absl::StrCat("r", i), false, Signature(1000));
    capture->Flush();
    std::uint64_t bytes = 0;
    for (const auto& file : Files()) bytes += std::filesystem::file_size(file);
    EXPECT_LE(bytes, config_.max_bytes);
    EXPECT_EQ(capture->counts().bytes, bytes);
  }
  EXPECT_EQ(capture->counts().written, 100u);
  EXPECT_EQ(capture->counts().dropped, 0u);
  EXPECT_EQ(Files().size(), 3u);
  EXPECT_THAT(Files().front().string(), ::testing::Not(HasSubstr("00000001")));
}

TEST_F(SignatureCaptureTest, ContinuesAfterTheFilesThatAreThere) {
  for (int start = 0; start < 3; ++start) {
    MustOpen()->OnSignature("m", absl::StrCat("r", start), false, Signature());
  }
  EXPECT_EQ(Files().size(), 3u);
  EXPECT_EQ(Records().size(), 3u);
}

TEST_F(SignatureCaptureTest, ADirectoryThatCannotBeMadeIsNamed) {
  std::ofstream(config_.directory) << "in the way";
  EXPECT_THAT(
      SignatureCapture::Open(config_, clock_, log_),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr(absl::StrCat("capture.directory: got \"", config_.directory, "\""))));
}

TEST_F(SignatureCaptureTest, AFileThatCannotBeMadeCostsOnlyItsRecords) {
  config_.file_bytes = 1;  // a file for each flush
  const auto capture = MustOpen();
  const std::string aside = dir_ / "aside";
  capture->OnSignature("m", "kept", false, Signature());
  capture->Flush();
  std::filesystem::rename(config_.directory, aside);
  std::ofstream(config_.directory) << "no folder";
  capture->OnSignature("m", "lost", false, Signature());
  capture->Flush();
  EXPECT_EQ(capture->counts().dropped, 1u);
  std::filesystem::remove(config_.directory);
  std::filesystem::rename(aside, config_.directory);
  capture->OnSignature("m", "kept too", false, Signature());
  capture->Flush();
  EXPECT_EQ(capture->counts().written, 2u);
  EXPECT_EQ(Records().size(), 2u);
}

TEST_F(SignatureCaptureTest, DropsWhatDoesNotFitIntoTheQueue) {
  const auto capture = MustOpen();
  for (int i = 0; i < 20; ++i) {
    capture->OnSignature("m", absl::StrCat("r", i), false, Signature(1 << 20));
  }
  EXPECT_EQ(capture->counts().dropped, 5u) << "15 of a little over 1 MiB fit into 16 MiB";
}

}  // namespace
}  // namespace eldr

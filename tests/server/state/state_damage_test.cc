// State files and logs that are torn or altered: what is whole is restored, and nothing else.
#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/state/state_process.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAreArray;

// A process that was killed with three batches in the log, of two leases each.
class StateDamageTest : public ::testing::Test {
 protected:
  StateDamageTest() {
    const std::string folder = NewFolder();
    Process process(folder);
    process.Register("n");
    process.Write();
    for (int batch = 0; batch < 3; ++batch) {
      for (int i = 0; i < 2; ++i) {
        all_.push_back(absl::StrCat("r", batch, i));
        EXPECT_THAT(process.Place(all_.back()), IsOk());
      }
      process.store_->Step();
    }
    killed_ = CopyAsKilled(folder);
    log_ = ReadFile(killed_ + "/state.db-wal");
    file_ = ReadFile(killed_ + "/state.db");
  }

  std::size_t frames() const { return (log_.size() - kHeader) / kFrame; }
  // How many of the first `sound` frames a transaction ends with at the latest; `batches` tells how
  // many batches are in them.
  std::size_t Committed(std::size_t sound, std::size_t* batches) const {
    std::vector<std::size_t> ends;
    for (std::size_t i = 0; i < frames(); ++i) {
      // The size of the database, which only the last frame of a transaction tells.
      const std::string size = log_.substr(kHeader + i * kFrame + 4, 4);
      if (size != std::string(4, '\0')) ends.push_back(i + 1);
    }
    const auto first_batch = ends.end() - static_cast<std::ptrdiff_t>(all_.size() / 2);
    *batches = static_cast<std::size_t>(
        std::count_if(first_batch, ends.end(), [&](std::size_t end) { return end <= sound; }));
    const auto past = std::upper_bound(ends.begin(), ends.end(), sound);
    return past == ends.begin() ? 0 : *(past - 1);
  }

  // Opens a copy with these bytes, of which the first `sound` frames are as they were: the batches
  // in them are there and no others, and if there are more than whole transactions in the `seen`
  // frames that look like the log's, a metric tells of the cut.
  void ExpectBatches(const std::string& log, std::size_t sound, std::size_t seen) {
    WriteFile(killed_ + "/state.db", file_);
    WriteFile(killed_ + "/state.db-wal", log);
    std::size_t batches = 0;
    const std::size_t committed = Committed(sound, &batches);
    Process after(killed_);
    ASSERT_THAT(after.status_, IsOk());
    EXPECT_THAT(
        after.Requests(),
        ElementsAreArray(all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(2 * batches)));
    EXPECT_EQ(after.Metric("eldr_state_errors_total", "cut_tail"), seen > committed ? 1 : 0);
    EXPECT_THAT(after.Place("later").status(),
                ::testing::AnyOf(IsOk(), StatusIs(absl::StatusCode::kUnavailable)));
  }

  static constexpr std::size_t kHeader = 32;
  static constexpr std::size_t kFrame = 24 + 4096;
  std::string killed_;
  std::vector<std::string> all_;
  std::string log_;
  std::string file_;
};

TEST_F(StateDamageTest, AWholeLogIsTakenWhole) {
  std::size_t batches = 0;
  EXPECT_EQ(Committed(frames(), &batches), frames());
  EXPECT_EQ(batches, 3u);
  ExpectBatches(log_, frames(), frames());
}

TEST_F(StateDamageTest, ATruncatedTailIsCutOff) {
  const std::size_t last_page = log_.size() - kFrame;
  for (std::size_t size = kHeader + 1; size < log_.size();) {
    SCOPED_TRACE(absl::StrCat("log of ", size, " of ", log_.size(), " bytes"));
    const std::size_t whole = (size - kHeader) / kFrame;
    ExpectBatches(log_.substr(0, size), whole, (size - kHeader + kFrame - 1) / kFrame);
    if (HasFailure()) return;
    // Every byte around the last frame's header, then every 61st.
    size += size >= last_page && size < last_page + 64 ? 1 : 61;
  }
}

TEST_F(StateDamageTest, AFlippedByteOfTheLogIsCutOff) {
  for (std::size_t at = kHeader; at < log_.size(); at += 97) {
    SCOPED_TRACE(absl::StrCat("byte ", at));
    std::string log = log_;
    log[at] = static_cast<char>(log[at] ^ 0x40);
    const std::size_t frame = (at - kHeader) / kFrame;
    // A frame with another salt looks like one of a former generation, and ends the log.
    const std::size_t in_frame = (at - kHeader) % kFrame;
    const bool salt = in_frame >= 8 && in_frame < 16;
    ExpectBatches(log, frame, salt ? frame : frames());
    if (HasFailure()) return;
  }
}

TEST_F(StateDamageTest, AFlippedByteOfTheFileNeverMakesAnotherLease) {
  { Process closed(killed_); }  // moves the log into the file
  const std::string file = ReadFile(killed_ + "/state.db");
  for (std::size_t at = 100; at < file.size(); at += 53) {
    SCOPED_TRACE(absl::StrCat("byte ", at));
    std::string flipped = file;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x15);
    fs::remove(killed_ + "/state.db-wal");
    WriteFile(killed_ + "/state.db", flipped);
    Process after(killed_);
    if (!after.status_.ok()) continue;
    for (const std::string& request : after.Requests()) {
      EXPECT_THAT(all_, ::testing::Contains(request));
    }
    // Whatever was lost: from here on all is kept again.
    after.Register("n", 9);
    ASSERT_THAT(after.Place("next"), IsOk());
    after.Write();
    after.clock_.Advance(absl::Seconds(5));  // time enough to write it anew
    after.Write();
    Process last(CopyAsKilled(killed_));
    EXPECT_THAT(last.Requests(), ::testing::Contains("next"));
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace eldr

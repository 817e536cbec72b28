#include "core/policy/locality_band_window.h"

#include "gtest/gtest.h"

namespace eldr {
namespace {

TEST(SignatureWindowTest, KeepsWhatIsNotOlderThanItsLength) {
  SignatureWindow window(absl::Seconds(5));
  EXPECT_EQ(window.first_added(), std::nullopt);
  for (int second = 10; second < 20; ++second) {
    window.Add(absl::Seconds(second), std::vector<float>{static_cast<float>(second)});
  }
  window.Expire(absl::Seconds(19));
  ASSERT_EQ(window.size(), 6u);
  EXPECT_EQ(window.Snapshot().front()->at(0), 14);
  EXPECT_EQ(window.Snapshot().back()->at(0), 19);
  window.Expire(absl::Seconds(24) + absl::Nanoseconds(1));
  EXPECT_EQ(window.size(), 0u);
  EXPECT_EQ(window.first_added(), absl::Seconds(10));
}

TEST(SignatureWindowTest, HandsOutWhatOutlivesIt) {
  SignatureWindow window(absl::Seconds(5));
  window.Add(absl::Seconds(1), std::vector<float>{7});
  const auto snapshot = window.Snapshot();
  window.Expire(absl::Seconds(100));
  ASSERT_EQ(snapshot.size(), 1u);
  EXPECT_EQ(snapshot[0]->at(0), 7);
}

TEST(SignatureWindowTest, SamplesEvenlyWhatIsTooMuch) {
  SignatureWindow window(absl::Seconds(5));
  constexpr int kArrivals = 50'000;  // 10 a millisecond: 50,000 in the window
  for (int i = 0; i < kArrivals; ++i) {
    const MonotonicTime now = absl::Microseconds(100) * i;
    window.Expire(now);
    window.Add(now, std::vector<float>{static_cast<float>(i)});
    ASSERT_LE(window.size(), SignatureWindow::kMost);
  }
  EXPECT_GE(window.size(), SignatureWindow::kMost / 2);
  const auto kept = window.Snapshot();
  const float stride = kept[1]->at(0) - kept[0]->at(0);
  for (std::size_t i = 1; i < kept.size(); ++i) {
    EXPECT_EQ(kept[i]->at(0) - kept[i - 1]->at(0), stride);
  }
  // When traffic calms down every signature counts again.
  for (int second = 0; second < 200; ++second) {
    const MonotonicTime now = absl::Seconds(10 + second);
    window.Expire(now);
    window.Add(now, std::vector<float>{0});
  }
  EXPECT_EQ(window.size(), 6u);
}

}  // namespace
}  // namespace eldr

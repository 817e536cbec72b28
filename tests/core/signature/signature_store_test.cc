#include "core/signature/signature_store.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/test_signature.h"

namespace eldr {
namespace {

using ::testing::IsNull;
using ::testing::NotNull;

const ModelGeometry kStoreGeometry = {2, 8, 2, {}};
constexpr absl::Duration kTtl = absl::Seconds(60);

StoredSignature Stored(const std::string& request_id, MonotonicTime now, std::uint32_t tokens = 3) {
  return {request_id, "worker", Parsed(SteadySignature(kStoreGeometry, tokens), kStoreGeometry),
          now};
}

// What one of the signatures above takes.
std::size_t BytesOfOne() {
  SignatureStore store(kTtl, 1 << 20);
  store.Put(Stored("a", absl::ZeroDuration()));
  return store.bytes();
}

TEST(SignatureStoreTest, FindsWhatWasPutAndNothingElse) {
  SignatureStore store(kTtl, 1 << 20);
  EXPECT_THAT(store.Find("a"), IsNull());
  EXPECT_EQ(store.Put(Stored("a", absl::Seconds(1))), 0u);
  ASSERT_THAT(store.Find("a"), NotNull());
  EXPECT_EQ(store.Find("a")->prefill_worker, "worker");
  EXPECT_EQ(store.Find("a")->pushed_at, absl::Seconds(1));
  EXPECT_THAT(store.Find("b"), IsNull());
  store.Erase("a");
  store.Erase("a");
  EXPECT_THAT(store.Find("a"), IsNull());
  EXPECT_EQ(store.size(), 0u);
  EXPECT_EQ(store.bytes(), 0u);
}

TEST(SignatureStoreTest, APutReplacesAndStartsTheTimeToLiveAnew) {
  SignatureStore store(kTtl, 1 << 20);
  store.Put(Stored("a", absl::Seconds(0)));
  const std::size_t bytes = store.bytes();
  store.Put(Stored("a", absl::Seconds(30), 5));
  EXPECT_EQ(store.size(), 1u);
  EXPECT_EQ(store.bytes(), bytes);
  EXPECT_EQ(store.Find("a")->signature.tokens(), 5u);
  EXPECT_EQ(store.Expire(absl::Seconds(89)), 0u);
  EXPECT_EQ(store.Expire(absl::Seconds(90)), 1u);
}

TEST(SignatureStoreTest, ExpiresTheOldestFirstAndSaysWhenTheNextIsDue) {
  SignatureStore store(kTtl, 1 << 20);
  EXPECT_EQ(store.next_expiry(), absl::InfiniteDuration());
  store.Put(Stored("a", absl::Seconds(0)));
  store.Put(Stored("b", absl::Seconds(10)));
  EXPECT_EQ(store.next_expiry(), absl::Seconds(60));
  EXPECT_EQ(store.Expire(absl::Seconds(59.999)), 0u);
  EXPECT_EQ(store.Expire(absl::Seconds(60)), 1u);
  EXPECT_THAT(store.Find("a"), IsNull());
  EXPECT_EQ(store.next_expiry(), absl::Seconds(70));
  EXPECT_EQ(store.Expire(absl::Seconds(1000)), 1u);
  EXPECT_EQ(store.bytes(), 0u);
}

TEST(SignatureStoreTest, MakesRoomByDroppingWhatWasPushedLongestAgo) {
  SignatureStore store(kTtl, 2 * BytesOfOne());
  store.Put(Stored("a", absl::Seconds(1)));
  store.Put(Stored("b", absl::Seconds(2)));
  store.Put(Stored("a", absl::Seconds(3)));  // now b is the oldest
  EXPECT_EQ(store.Put(Stored("c", absl::Seconds(4))), 1u);
  EXPECT_THAT(store.Find("b"), IsNull());
  EXPECT_THAT(store.Find("a"), NotNull());
  EXPECT_THAT(store.Find("c"), NotNull());
  EXPECT_LE(store.bytes(), 2 * BytesOfOne());
}

TEST(SignatureStoreTest, KeepsASignatureLargerThanItsBoundAlone) {
  SignatureStore store(kTtl, 1);
  EXPECT_EQ(store.Put(Stored("a", absl::Seconds(1))), 0u);
  EXPECT_EQ(store.Put(Stored("b", absl::Seconds(2))), 1u);
  EXPECT_EQ(store.size(), 1u);
  EXPECT_THAT(store.Find("b"), NotNull());
}

}  // namespace
}  // namespace eldr

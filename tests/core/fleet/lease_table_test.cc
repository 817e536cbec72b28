#include "core/fleet/lease_table.h"

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/fleet/decode_node.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/test_seed.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::IsNull;

class LeaseTableTest : public ::testing::Test {
 protected:
  Lease* Insert(const std::string& request_id, MonotonicTime expires_at) {
    std::unique_ptr<Lease> lease = table_.NewLease();
    lease->id = ++last_id_;
    lease->request_id = request_id;
    lease->node = &node_;
    lease->expires_at = expires_at;
    return table_.Insert(std::move(lease));
  }
  // Takes what has expired by `now`, in order.
  std::vector<std::string> TakeExpired(MonotonicTime now) {
    std::vector<std::string> expired;
    while (const Lease* lease = table_.NextExpired(now)) {
      expired.push_back(table_.Take(*lease)->request_id);
    }
    return expired;
  }

  std::uint64_t last_id_ = 0;
  DecodeNode node_;
  LeaseTable table_;
};

TEST_F(LeaseTableTest, FindsALeaseUntilItIsTaken) {
  EXPECT_THAT(table_.Find("a"), IsNull());
  Lease* lease = Insert("a", absl::Seconds(10));
  EXPECT_EQ(table_.Find("a"), lease);
  EXPECT_EQ(table_.size(), 1u);
  EXPECT_EQ(table_.Take(*lease)->request_id, "a");
  EXPECT_THAT(table_.Find("a"), IsNull());
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(LeaseTableTest, ExpiresInTheOrderOfTimeAndNotBefore) {
  Insert("b", absl::Seconds(20));
  Insert("a", absl::Seconds(10));
  Insert("c", absl::Seconds(30));
  EXPECT_EQ(table_.next_expiry(), absl::Seconds(10));
  EXPECT_THAT(TakeExpired(absl::Seconds(10) - absl::Nanoseconds(1)), ElementsAre());
  EXPECT_THAT(TakeExpired(absl::Seconds(10)), ElementsAre("a"));
  EXPECT_THAT(TakeExpired(absl::Seconds(100)), ElementsAre("b", "c"));
  EXPECT_THAT(TakeExpired(absl::Hours(1)), ElementsAre());
  EXPECT_EQ(table_.next_expiry(), absl::InfiniteDuration());
}

TEST_F(LeaseTableTest, ARenewalToLaterPutsTheEndOff) {
  Lease* lease = Insert("a", absl::Seconds(10));
  Insert("b", absl::Seconds(15));
  table_.Renew(*lease, absl::Seconds(20), absl::Seconds(5));
  EXPECT_EQ(lease->expires_at, absl::Seconds(25));
  EXPECT_EQ(lease->ttl, absl::Seconds(20));
  EXPECT_THAT(TakeExpired(absl::Seconds(24)), ElementsAre("b"));
  EXPECT_THAT(TakeExpired(absl::Seconds(25)), ElementsAre("a"));
}

TEST_F(LeaseTableTest, ARenewalToEarlierBringsTheEndForward) {
  Lease* lease = Insert("a", absl::Hours(1));
  table_.Renew(*lease, absl::Seconds(2), absl::Seconds(5));
  EXPECT_LE(table_.next_expiry(), absl::Seconds(7));
  EXPECT_THAT(TakeExpired(absl::Seconds(6)), ElementsAre());
  EXPECT_THAT(TakeExpired(absl::Seconds(7)), ElementsAre("a"));
  EXPECT_THAT(TakeExpired(absl::Hours(2)), ElementsAre());
}

TEST_F(LeaseTableTest, TheDeadlineOfAnEndedLeaseDoesNotEndTheNextOfItsRequest) {
  table_.Take(*Insert("a", absl::Seconds(10)));
  Insert("a", absl::Seconds(30));
  EXPECT_THAT(TakeExpired(absl::Seconds(29)), ElementsAre());
  EXPECT_THAT(TakeExpired(absl::Seconds(30)), ElementsAre("a"));
}

TEST_F(LeaseTableTest, OfThoseThatExpireAtOnceTheEldestComesFirst) {
  for (const char* id : {"d", "a", "c", "b"}) Insert(id, absl::Seconds(10));
  EXPECT_THAT(TakeExpired(absl::Seconds(10)), ElementsAre("d", "a", "c", "b"));
}

TEST_F(LeaseTableTest, ARecycledLeaseIsAsNew) {
  Lease* lease = Insert("a", absl::Seconds(10));
  lease->contribution = {1, 2, 3};
  lease->learned = true;
  lease->sequences = 7;
  table_.Recycle(table_.Take(*lease));
  const std::unique_ptr<Lease> fresh = table_.NewLease();
  EXPECT_EQ(fresh.get(), lease) << "it was to be used again";
  EXPECT_EQ(fresh->id, 0u);
  EXPECT_EQ(fresh->request_id, "");
  EXPECT_THAT(fresh->contribution, ElementsAre());
  EXPECT_FALSE(fresh->learned);
  EXPECT_EQ(fresh->sequences, 1u);
}

TEST_F(LeaseTableTest, ALeaseIsNotHandedOutTwice) {
  table_.Recycle(table_.Take(*Insert("a", absl::Seconds(10))));
  const std::unique_ptr<Lease> first = table_.NewLease(), second = table_.NewLease();
  EXPECT_NE(first.get(), second.get());
}

// Random inserts, renewals and ends against a plain map.
TEST_F(LeaseTableTest, EveryLeaseExpiresExactlyWhenItShould) {
  SCOPED_TRACE(SeedNote());
  std::mt19937_64 rng = SeededRng();
  std::map<std::string, MonotonicTime> naive;
  MonotonicTime now;
  for (int step = 0; step < 20'000; ++step) {
    const std::string id = absl::StrCat("request-", rng() % 300);
    const absl::Duration ttl = absl::Seconds(1 + static_cast<std::int64_t>(rng() % 100));
    Lease* lease = table_.Find(id);
    ASSERT_EQ(lease != nullptr, naive.contains(id));
    if (lease == nullptr) {
      Insert(id, now + ttl);
      naive[id] = now + ttl;
    } else if (rng() % 4 == 0) {
      table_.Recycle(table_.Take(*lease));
      naive.erase(id);
    } else {
      table_.Renew(*lease, ttl, now);
      naive[id] = now + ttl;
    }
    now += absl::Milliseconds(static_cast<std::int64_t>(rng() % 500));
    for (const std::string& expired : TakeExpired(now)) {
      const auto it = naive.find(expired);
      ASSERT_NE(it, naive.end()) << expired;
      ASSERT_LE(it->second, now) << expired;
      naive.erase(it);
    }
    for (const auto& [request_id, at] : naive) ASSERT_GT(at, now) << request_id;
    ASSERT_EQ(table_.size(), naive.size());
  }
}

}  // namespace
}  // namespace eldr

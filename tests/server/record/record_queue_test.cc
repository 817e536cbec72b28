#include "server/record/record_queue.h"

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace eldr {
namespace {

TEST(RecordQueueTest, KeepsTheOrderOfPlacesWheneverTheyAreFilled) {
  RecordQueue queue(1000);
  queue.Append("a");
  const RecordQueue::Place second = queue.Reserve();
  const RecordQueue::Place third = queue.Reserve();
  queue.Append("d");
  EXPECT_EQ(queue.Take().bytes, "a") << "the second is not known yet";
  queue.Fill(third, "c");
  EXPECT_EQ(queue.Take().bytes, "");
  queue.Fill(second, "b");
  const RecordQueue::Batch batch = queue.Take();
  EXPECT_EQ(batch.bytes, "bcd");
  EXPECT_EQ(batch.records, 3u);
  EXPECT_EQ(queue.dropped(), 0u);
}

TEST(RecordQueueTest, DropsWhatDoesNotFitAndCountsIt) {
  RecordQueue queue(10);
  const RecordQueue::Place place = queue.Reserve();
  queue.Append("12345678");
  queue.Append("too much");
  queue.Fill(place, "too much");
  EXPECT_EQ(queue.dropped(), 2u);
  EXPECT_EQ(queue.Take().bytes, "12345678");
  queue.Append("1234567890");
  EXPECT_EQ(queue.Take().bytes, "1234567890") << "there is room again";
}

TEST(RecordQueueTest, GivesAPlaceUpThatNobodyFills) {
  RecordQueue queue(1000);
  const RecordQueue::Place place = queue.Reserve();
  queue.Append("after");
  for (int wait = 0; wait < RecordQueue::kMostWaits; ++wait) EXPECT_EQ(queue.Take().bytes, "");
  EXPECT_EQ(queue.Take().bytes, "after");
  EXPECT_EQ(queue.dropped(), 1u);
  queue.Fill(place, "late");
  EXPECT_EQ(queue.Take().bytes, "");
}

TEST(RecordQueueTest, AtTheEndTheRestComesOut) {
  RecordQueue queue(1000);
  queue.Append("a");
  queue.Reserve();
  queue.Append("b");
  EXPECT_EQ(queue.TakeRest().bytes, "ab");
}

TEST(RecordQueueTest, LosesAndMixesNothingAmongThreads) {
  constexpr int kEach = 5000;
  RecordQueue queue(std::size_t{1} << 30);
  std::vector<std::thread> threads;
  for (const char letter : {'a', 'b', 'c'}) {
    threads.emplace_back([&queue, letter] {
      for (int i = 0; i < kEach; ++i) {
        const RecordQueue::Place place = queue.Reserve();
        queue.Append(std::string(1, static_cast<char>(letter - 'a' + 'A')));
        queue.Fill(place, std::string(1, letter));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string bytes = queue.Take().bytes;
  EXPECT_EQ(bytes.size(), std::size_t{6} * kEach);
  for (const char letter : {'a', 'b', 'c'}) {
    // Of each thread its two kinds in turn.
    std::string own;
    std::copy_if(bytes.begin(), bytes.end(), std::back_inserter(own),
                 [&](char c) { return c == letter || c == letter - 'a' + 'A'; });
    ASSERT_EQ(own.size(), std::size_t{2} * kEach);
    for (std::size_t i = 0; i < own.size(); ++i) {
      ASSERT_EQ(own[i], i % 2 == 0 ? letter : letter - 'a' + 'A') << i;
    }
  }
}

}  // namespace
}  // namespace eldr

// The store's own thread beside those that call, on a disk that fills up now and then.
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/state/faulty_sqlite.h"
#include "tests/server/state/state_process.h"
#include "tests/support/disk_faults.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

// Places, waits until that is kept, and releases every other request.
void PlaceAndWait(Process& process, const std::string& name) {
  for (int i = 0; i < 200; ++i) {
    const std::string request = absl::StrCat(name, i);
    EXPECT_THAT(process.Place(request), IsOk());
    std::promise<void> kept;
    process.store_->WhenKept([&] { kept.set_value(); });
    kept.get_future().wait();
    if (i % 2 == 0) process.Release(request);
  }
}

TEST(StateThreadsTest, AllThatManyThreadsDidIsKeptInTheEnd) {
  const std::string folder = NewFolder();
  DiskFaults faults(folder);
  const FaultySqlite sqlite(faults);
  FaultyFileSystem files(faults);
  std::vector<std::string> requests;
  {
    Process process(folder, {.sync = "always", .files = &files});
    NodeSpec node;  // that sends no heartbeats
    node.node_id = "n";
    node.model = kModel;
    node.address = "n:1";
    ASSERT_THAT(process.router_->RegisterNode(node), IsOk());
    process.store_->Start();
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] { PlaceAndWait(process, absl::StrCat("t", i, "-")); });
    }
    const auto await_kept = [&](double kept) {
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
      while (process.Metric("eldr_state_kept") != kept) {
        ASSERT_LT(std::chrono::steady_clock::now(), deadline);
        std::this_thread::yield();
      }
    };
    for (int round = 0; round < 5; ++round) {
      faults.set_full(true);
      process.clock_.Advance(absl::Seconds(2));  // something is due to be written
      await_kept(0);
      faults.set_full(false);
      process.clock_.Advance(absl::Seconds(6));
      await_kept(1);
    }
    for (std::thread& thread : threads) thread.join();
    requests = process.Requests();
  }
  EXPECT_EQ(requests.size(), 400u);
  EXPECT_EQ(Process(folder).Requests(), requests);
}

}  // namespace
}  // namespace eldr

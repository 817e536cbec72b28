// What a new process finds in the state directory of one that was killed.
#include "server/state/state_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/state/state_process.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Nothing was reported to this router yet.
void ExpectOwnCounts(const Router& router) {
  std::map<std::string, std::uint32_t> sequences;
  const ModelRecord model = router.CopyModel(kModel).value();
  for (const LeaseRecord& lease : model.leases) sequences[lease.node_id] += lease.sequences;
  const auto nodes = router.ListNodes("");
  for (const NodeStatus& node : *nodes) {
    EXPECT_EQ(node.load, sequences[node.spec.node_id]) << node.spec.node_id;
  }
}

class RandomCalls {
 public:
  RandomCalls(Process& process, std::uint64_t seed) : process_(process), rng_(seed) {}
  void Step() {
    Router& router = *process_.router_;
    const std::string request = absl::StrCat("r", rng_() % 40);
    const std::string node = absl::StrCat("n", rng_() % 5);
    const std::uint64_t draw = rng_() % 20;
    if (draw < 8) {
      PlacementQuery query;
      query.model = kModel;
      query.request_id = request;
      query.sequences = 1 + static_cast<std::uint32_t>(rng_() % 3);
      query.context_tokens = rng_() % 1000;
      const std::string* const excluded[] = {&node};
      if (rng_() % 3 == 0) query.exclude_nodes = excluded;
      router.Place(query).IgnoreError();
    } else if (draw < 12) {
      std::string counts(16, '\0');
      counts[rng_() % 8] = 3;
      counts[8 + rng_() % 8] = 3;
      for (std::size_t at : {rng_() % 8, 8 + rng_() % 8}) {
        while (counts[at] != 0) at = at / 8 * 8 + (at + 1) % 8;
        counts[at] = 3;
      }
      SignaturePush push;
      push.model = kModel;
      push.request_id = request;
      push.signature.emplace();
      push.signature->tokens = 3;
      push.signature->counts = SignatureData::Dense{CountWidth::k8, counts};
      EXPECT_THAT(router.PushSignature(push), IsOk());
    } else if (draw < 15) {
      router.Release({{kModel, request, 0}, {}, {}}).IgnoreError();
    } else if (draw == 15) {
      process_.Register(node, ++incarnation_);
    } else if (draw == 16) {
      (rng_() % 2 == 0 ? router.DrainNode(node).status() : router.UndrainNode(node).status())
          .IgnoreError();
    } else if (draw == 17 && rng_() % 4 == 0) {
      router.RemoveNode(node).IgnoreError();
    } else if (draw == 18) {
      Beat(node);
    } else {
      process_.clock_.Advance(absl::Milliseconds(static_cast<std::int64_t>(rng_() % 1500)));
      router.Step();
      process_.store_->Step();
    }
  }

 private:
  // Names some requests as running and one as finished, now and then as if they were all, and tells
  // of its steps.
  void Beat(const std::string& node) {
    std::vector<std::string> names;
    for (std::uint64_t i = rng_() % 20; i > 0; --i) names.push_back(absl::StrCat("r", rng_() % 40));
    std::vector<const std::string*> running;
    for (const std::string& name : names) running.push_back(&name);
    const std::string done = absl::StrCat("r", rng_() % 40);
    const std::string* const finished[] = {&done};
    StepStats steps;
    steps.max_batch = 8;
    steps.steps = 10;
    steps.mean_batch = 1 + static_cast<double>(rng_() % 7);
    steps.total_duration = absl::Milliseconds(static_cast<std::int64_t>(50 + rng_() % 300));
    NodeReport report;
    report.node_id = node;
    report.running = static_cast<std::uint32_t>(running.size());
    report.running_request_ids = running;
    report.finished_request_ids = finished;
    report.complete_list = rng_() % 3 == 0;
    report.steps = {&steps, 1};
    process_.router_->Heartbeat(report).IgnoreError();
  }

  Process& process_;
  std::mt19937_64 rng_;
  std::uint64_t incarnation_ = 1;
};

TEST(StateStoreTest, WhatIsRestoredIsBitForBitWhatWasThere) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    const std::string folder = NewFolder();
    Process before(folder);
    for (int i = 0; i < 5; ++i) before.Register(absl::StrCat("n", i));
    RandomCalls calls(before, seed);
    for (int part = 0; part < 3; ++part) {
      for (int i = 0; i < 200; ++i) calls.Step();
      before.Write();
      Process after(CopyAsKilled(folder));
      ASSERT_EQ(Observe(*after.router_), Observe(*before.router_));
      ExpectOwnCounts(*after.router_);
      const ModelRecord model = before.router_->CopyModel(kModel).value();
      for (const LeaseRecord& lease : model.leases) {
        const auto again = after.Place(lease.request_id);
        ASSERT_THAT(again, IsOk());
        EXPECT_EQ(again->reason, PlacementReason::kExistingLease);
        EXPECT_EQ(again->lease_id, lease.id);
      }
    }
  }
}

// Has the store write while a lease ends, as its thread may.
class WritesAtAnEnd final : public RouterObserver {
 public:
  void OnLeaseEnded(absl::string_view, const Lease&, LeaseEnd) override {
    if (write) write();
  }
  std::function<void()> write;
};

TEST(StateStoreTest, ACrashInTheMiddleOfAMoveLosesNoLeaseAndKeepsNoSecondOne) {
  const std::string folder = NewFolder();
  WritesAtAnEnd observer;
  Process before(folder, {.also = &observer});
  before.Register("a");
  before.Register("b");
  const Placement first = before.Place("r").value();
  before.Write();
  std::string killed;
  observer.write = [&] {
    before.store_->Step();
    killed = CopyAsKilled(folder);
  };
  const std::string first_node(first.node.node_id);
  const std::string* const excluded[] = {&first_node};
  PlacementQuery elsewhere;
  elsewhere.model = kModel;
  elsewhere.request_id = "r";
  elsewhere.exclude_nodes = excluded;
  const Placement second = before.router_->Place(elsewhere).value();
  observer.write = nullptr;
  ASSERT_EQ(second.reason, PlacementReason::kMoved);
  ASSERT_FALSE(killed.empty());
  EXPECT_EQ(Process(killed).Place("r")->lease_id, first.lease_id) << "it had not moved yet";

  before.Write();
  Process after(CopyAsKilled(folder));
  EXPECT_EQ(after.Place("r")->lease_id, second.lease_id);
  EXPECT_THAT(after.Requests(), ::testing::ElementsAre("r"));
  EXPECT_EQ(after.Metric("eldr_state_restored_total", "refused_lease"), 0);
}

TEST(StateStoreTest, LeaseIdsGoOnAboveAllThatWereEverStored) {
  const std::string folder = NewFolder();
  Process before(folder);
  before.Register("n");
  const std::uint64_t id = before.Place("a")->lease_id;
  before.router_->Release({{kModel, "a", 0}, {}, {}}).IgnoreError();
  before.Write();
  Process after(CopyAsKilled(folder));
  EXPECT_GT(after.Place("b")->lease_id, id);
}

TEST(StateStoreTest, ARestoredNodeServesAndIsLostIfItStaysSilent) {
  const std::string folder = NewFolder();
  Process before(folder);
  before.Register("heard");
  before.Register("silent");
  for (int i = 0; i < 8; ++i) ASSERT_THAT(before.Place(absl::StrCat("r", i)), IsOk());
  before.Write();
  Process after(CopyAsKilled(folder));
  EXPECT_EQ(after.Place("new")->load_basis, LoadBasis::kOwnCount);
  EXPECT_TRUE(after.Beat("heard").confirm);
  EXPECT_FALSE(after.Beat("heard").confirm);
  for (int second = 0; second < 11; ++second) {
    after.clock_.Advance(absl::Seconds(1));
    after.Beat("heard");
  }
  const auto nodes = after.router_->ListNodes("");
  for (const NodeStatus& node : *nodes) {
    const bool silent = node.spec.node_id == "silent";
    EXPECT_EQ(node.state, silent ? NodeState::kLost : NodeState::kReady);
    EXPECT_EQ(node.leases == 0, silent);
  }
}

TEST(StateStoreTest, AnAdoptedLeaseIsKeptLikeOneThatWasPlaced) {
  const std::string folder = NewFolder();
  Process before(folder);
  before.Register("n");
  const std::string request = "adopted";
  const std::string* const running[] = {&request};
  NodeReport report;
  report.node_id = "n";
  report.running = 1;
  report.running_request_ids = running;
  report.complete_list = true;
  ASSERT_EQ(before.router_->Heartbeat(report)->adopted, 1u);
  before.Write();
  Process after(CopyAsKilled(folder));
  EXPECT_THAT(after.Requests(), ::testing::ElementsAre("adopted"));
}

TEST(StateStoreTest, AChangedGeometryStartsEmpty) {
  const std::string folder = NewFolder();
  Process before(folder);
  before.Register("n");
  ASSERT_THAT(before.Place("a"), IsOk());
  before.Write();
  Process after(CopyAsKilled(folder), {.geometry = {4, 8, 2, {}}});
  EXPECT_TRUE(after.Requests().empty());
  EXPECT_EQ(after.Metric("eldr_state_restored_total", "refused_lease"), 1);
}

TEST(StateStoreTest, ForeignAndNewerFilesAreRefusedAndLeftUntouched) {
  const std::string folder = NewFolder();
  { Process made(folder); }
  const std::string file = folder + "/state.db";
  std::string newer = ReadFile(file);
  newer[63] = 2;
  for (const auto& [bytes, word] :
       {std::pair<std::string, const char*>{"my notes", "is not a state file"},
        {"", "is not a state file"},
        {newer, "has format 2, expected 1"}}) {
    fs::remove_all(folder);
    fs::create_directories(folder);
    WriteFile(file, bytes);
    EXPECT_THAT(Process(folder).status_,
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(word)));
    EXPECT_EQ(ReadFile(file), bytes);
    // And the lock.
    EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 2);
  }
}

TEST(StateStoreTest, APipeInPlaceOfTheFileIsRefusedAtOnce) {
  const std::string folder = NewFolder();
  fs::create_directories(folder);
  ASSERT_EQ(mkfifo((folder + "/state.db").c_str(), 0600), 0);
  EXPECT_THAT(Process(folder).status_, StatusIs(absl::StatusCode::kInvalidArgument,
                                                HasSubstr("is not a state file of eldrd")));
}

TEST(StateStoreTest, OneProcessAtATimeHasTheDirectory) {
  const std::string folder = NewFolder();
  Process first(folder);
  EXPECT_THAT(Process(folder).status_, StatusIs(absl::StatusCode::kInvalidArgument,
                                                HasSubstr("another process has it open")));
}

TEST(StateStoreTest, WithAlwaysAnAnswerWaitsForItsBatch) {
  Process process(NewFolder(), {.sync = "always"});
  process.Write();
  int answered = 0;
  process.store_->WhenKept([&] { ++answered; });
  EXPECT_EQ(answered, 1);  // nothing had changed
  process.Register("n");
  process.store_->WhenKept([&] { ++answered; });
  EXPECT_EQ(answered, 1);
  process.store_->Step();
  EXPECT_EQ(answered, 2);
}

TEST(StateStoreTest, WithIntervalAnAnswerDoesNotWait) {
  Process process(NewFolder());
  process.Register("n");
  int answered = 0;
  process.store_->WhenKept([&] { ++answered; });
  EXPECT_EQ(answered, 1);
}

}  // namespace
}  // namespace eldr

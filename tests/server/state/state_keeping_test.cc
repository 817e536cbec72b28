// Changes that are not kept: told of, caught up with, and never at the price of what was.
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <functional>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/state/faulty_sqlite.h"
#include "tests/server/state/state_process.h"
#include "tests/server/string_output.h"
#include "tests/support/disk_faults.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::size_t LinesWith(const std::string& word, const std::string& log) {
  std::size_t lines = 0;
  for (const absl::string_view line : absl::StrSplit(log, '\n')) {
    if (absl::StrContains(line, word)) ++lines;
  }
  return lines;
}

// A process whose disk fills up when told.
class StateKeepingTest : public ::testing::Test {
 protected:
  void Start(const std::string& sync = "interval") {
    process_ = std::make_unique<Process>(
        folder_, Process::Options{.sync = sync, .files = &files_, .log = log_});
    ASSERT_THAT(process_->status_, IsOk());
  }
  // The process as it is found after a kill.
  std::unique_ptr<Process> Killed() {
    faults_.set_paused(true);
    auto process = std::make_unique<Process>(CopyAsKilled(folder_));
    return process;
  }
  void WriteInVain() {
    faults_.set_full(true);
    process_->Write();
    EXPECT_EQ(process_->Metric("eldr_state_kept"), 0);
    faults_.set_full(false);
  }
  void CatchUp() {
    process_->clock_.Advance(absl::Seconds(6));
    process_->Write();
    EXPECT_EQ(process_->Metric("eldr_state_kept"), 1);
  }

  const std::string folder_ = NewFolder();
  DiskFaults faults_{folder_};
  const FaultySqlite sqlite_{faults_};
  FaultyFileSystem files_{faults_};
  const std::shared_ptr<StringOutput> log_ = std::make_shared<StringOutput>();
  std::unique_ptr<Process> process_;
};

TEST_F(StateKeepingTest, AKillWhileTheDiskIsFullFindsAllThatWasKept) {
  Start("always");
  process_->Register("n");
  for (int i = 0; i < 20; ++i) ASSERT_THAT(process_->Place(absl::StrCat("kept", i)), IsOk());
  process_->Write();
  const std::string kept = ObserveBooks(*process_->router_);
  faults_.set_full(true);
  for (int second = 0; second < 30; ++second) {
    ASSERT_THAT(process_->Place(absl::StrCat("full", second)), IsOk());
    process_->Write();
  }
  EXPECT_EQ(process_->Metric("eldr_state_kept"), 0);
  EXPECT_GT(process_->Metric("eldr_state_errors_total", "write"), 1) << "it has tried again";
  EXPECT_EQ(ObserveBooks(*Killed()->router_), kept);
}

TEST_F(StateKeepingTest, ARealFullDiskIsSurvivedAndCaughtUpWith) {
  Start();
  process_->Register("n");
  ASSERT_THAT(process_->Place("before"), IsOk());
  process_->Write();
  signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit full = {8192, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
  for (int i = 0; i < 20; ++i) ASSERT_THAT(process_->Place(absl::StrCat("full", i)), IsOk());
  process_->Write();
  EXPECT_EQ(process_->Metric("eldr_state_kept"), 0);
  EXPECT_EQ(process_->Metric("eldr_state_errors_total", "write"), 1);
  ASSERT_THAT(process_->Place("unkept"), IsOk());
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  CatchUp();
  EXPECT_EQ(Killed()->Requests(), process_->Requests());
}

TEST_F(StateKeepingTest, AFileThatSomebodyRemovesOrReplacesIsToldAndWrittenAnew) {
  Start();
  process_->Register("n");
  const auto remove_file = [&] { std::filesystem::remove(folder_ + "/state.db"); };
  const auto remove_folder = [&] { std::filesystem::remove_all(folder_); };
  const auto replace = [&] {
    remove_file();
    WriteFile(folder_ + "/state.db", "another's");
  };
  int round = 0;
  for (const std::function<void()>& harm :
       {std::function(remove_file), std::function(remove_folder), std::function(replace)}) {
    ASSERT_THAT(process_->Place(absl::StrCat("r", ++round)), IsOk());
    process_->Write();
    ASSERT_EQ(process_->Metric("eldr_state_kept"), 1);
    harm();
    process_->Write();  // with nothing to write: it is seen all the same
    EXPECT_EQ(process_->Metric("eldr_state_kept"), 0) << round;
    CatchUp();
    EXPECT_EQ(Killed()->Requests(), process_->Requests()) << round;
    faults_.set_paused(false);
    EXPECT_NE(Process(folder_).status_, absl::OkStatus()) << "the lock is held";
  }
  EXPECT_EQ(process_->Requests().size(), 3u);
}

TEST_F(StateKeepingTest, IsToldOnceAndWhenItIsOver) {
  Start();
  process_->Register("n");
  faults_.set_full(true);
  for (int second = 0; second < 30; ++second) process_->Write();
  faults_.set_full(false);
  CatchUp();
  WriteInVain();
  CatchUp();
  process_.reset();
  EXPECT_EQ(LinesWith("state_not_kept", log_->text()), 2u) << log_->text();
  EXPECT_EQ(LinesWith("state_rewritten", log_->text()), 2u) << log_->text();
  EXPECT_THAT(log_->text(), HasSubstr("state.db: write: database or disk is full"));
}

// As if the router told of so much that the queue, of 128 MiB, is full.
void Overflow(Process& process) {
  DecodeNode node;
  node.spec.node_id = "n";
  Lease lease;
  lease.node = &node;
  lease.contribution.resize(std::size_t{16} << 20);
  for (int i = 0; i < 9; ++i) process.store_->OnLeasePlaced(kModel, lease);
}

TEST_F(StateKeepingTest, AQueueThatOverflowsIsToldAndCaughtUpWith) {
  Start("always");
  process_->Register("n");
  process_->Write();
  int answered = 0;
  ASSERT_THAT(process_->Place("before"), IsOk());
  process_->store_->WhenKept([&] { ++answered; });
  EXPECT_EQ(answered, 0);
  Overflow(*process_);
  ASSERT_THAT(process_->Place("after"), IsOk());
  process_->store_->WhenKept([&] { ++answered; });
  process_->Write();
  EXPECT_EQ(answered, 2) << "serving goes before keeping";
  EXPECT_EQ(process_->Metric("eldr_state_kept"), 0);
  EXPECT_EQ(process_->Metric("eldr_state_errors_total", "overflow"), 1);
  EXPECT_EQ(process_->Metric("eldr_state_errors_total", "write"), 0);
  CatchUp();
  EXPECT_THAT(Killed()->Requests(), ElementsAre("after", "before"));
  process_.reset();
  EXPECT_THAT(log_->text(), HasSubstr("state_not_kept"));
  EXPECT_THAT(log_->text(), HasSubstr("the disk is too slow for the changes"));
  EXPECT_THAT(log_->text(), HasSubstr("state_rewritten"));
}

TEST_F(StateKeepingTest, AStopWritesWhatWasNotKept) {
  Start();
  process_->Register("n");
  ASSERT_THAT(process_->Place("ends"), IsOk());
  process_->Write();
  WriteInVain();
  process_->Release("ends");
  ASSERT_THAT(process_->Place("stays"), IsOk());
  process_.reset();  // at once, long before it would be tried again
  Start();
  EXPECT_THAT(process_->Requests(), ElementsAre("stays"));
}

TEST_F(StateKeepingTest, AStopWritesWhatHasOverflown) {
  Start();
  process_->Register("n");
  Overflow(*process_);
  ASSERT_THAT(process_->Place("after"), IsOk());
  process_.reset();
  Start();
  EXPECT_THAT(process_->Requests(), ElementsAre("after"));
}

TEST_F(StateKeepingTest, AStopOnAFullDiskSaysSoAndKeepsTheOldState) {
  Start();
  process_->Register("n");
  ASSERT_THAT(process_->Place("kept"), IsOk());
  process_->Write();
  faults_.set_full(true);
  ASSERT_THAT(process_->Place("lost"), IsOk());
  process_.reset();
  faults_.set_full(false);
  EXPECT_THAT(log_->text(), HasSubstr("the next eldrd finds an older state"));
  Start();
  EXPECT_THAT(process_->Requests(), ElementsAre("kept"));
}

// A lease that is updated is written anew, with its id, which may be far from the last.
void Update(Process& process, const std::string& request) {
  SignaturePush push;
  push.model = kModel;
  push.request_id = request;
  push.signature.emplace();
  push.signature->tokens = 1;
  std::string counts(16, '\0');
  for (const std::size_t cell : {0u, 1u, 8u, 9u}) counts[cell] = 1;
  push.signature->counts = SignatureData::Dense{CountWidth::k8, counts};
  ASSERT_TRUE(process.router_->PushSignature(push)->updated_lease);
}

TEST_F(StateKeepingTest, LeaseIdsNeverGoBackWhateverIsWrittenLast) {
  Start();
  process_->Register("n");
  ASSERT_THAT(process_->Place("old"), IsOk());
  const std::uint64_t last = process_->Place("new")->lease_id;
  process_->Release("new");
  process_->Write();
  Update(*process_, "old");
  process_->Write();
  // The clock of the next process starts where that of the first did.
  EXPECT_GT(Killed()->Place("next")->lease_id, last);
}

TEST_F(StateKeepingTest, LeaseIdsThatWereNotKeptAreNotGivenAgain) {
  Start();
  process_->Register("n");
  ASSERT_THAT(process_->Place("old"), IsOk());
  process_->Write();
  WriteInVain();
  const std::uint64_t last = process_->Place("unkept")->lease_id;
  process_->Release("unkept");
  CatchUp();
  EXPECT_GT(Killed()->Place("next")->lease_id, last);
}

TEST_F(StateKeepingTest, LeaseIdsGoOnOverSeveralProcesses) {
  Start();
  process_->Register("n");
  ASSERT_THAT(process_->Place("old"), IsOk());
  const std::uint64_t last = process_->Place("new")->lease_id;
  process_->Release("new");
  process_.reset();
  for (int restart = 0; restart < 3; ++restart) {
    Start();
    Update(*process_, "old");
    WriteInVain();
    CatchUp();
    process_.reset();
  }
  Start();
  EXPECT_GT(process_->Place("next")->lease_id, last);
}

// Calls back, once, when a whole file is about to become the state.
class CallsBack final : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<OutputFile>> Create(const std::string& path) override {
    return RealFileSystem().Create(path);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (const auto call = std::exchange(before_rename, nullptr)) call();
    return RealFileSystem().Rename(from, to);
  }
  absl::Status Remove(const std::string& path) override { return RealFileSystem().Remove(path); }
  absl::Status SyncFolder(const std::string& path) override {
    return RealFileSystem().SyncFolder(path);
  }
  std::function<void()> before_rename;
};

TEST(StateRewriteTest, NoAnswerWaitsForItAndWhatHappensMeanwhileIsKept) {
  const std::string folder = NewFolder();
  CallsBack files;
  DiskFaults faults(folder);
  const FaultySqlite sqlite(faults);
  Process process(folder, {.sync = "always", .files = &files});
  process.Register("n");
  ASSERT_THAT(process.Place("ends"), IsOk());
  process.Write();
  faults.set_full(true);
  process.Write();
  faults.set_full(false);
  int answered = 0;
  files.before_rename = [&] {
    process.Release("ends");
    ASSERT_THAT(process.Place("meanwhile"), IsOk());
    process.store_->WhenKept([&] { ++answered; });
    EXPECT_EQ(answered, 1);
  };
  process.clock_.Advance(absl::Seconds(6));
  process.store_->Step();
  EXPECT_EQ(answered, 1);
  process.store_->WhenKept([&] { ++answered; });
  EXPECT_EQ(answered, 1) << "there is something to write, and it is kept again";
  process.store_->Step();
  EXPECT_EQ(answered, 2);
  faults.set_paused(true);
  EXPECT_THAT(Process(CopyAsKilled(folder)).Requests(), ElementsAre("meanwhile"));
}

// More models, nodes and leases than a lowered limit lets in.
TEST(StateLimitsTest, WhatIsStoredIsRestoredBeyondLimitsThatWereLowered) {
  const std::string folder = NewFolder();
  std::vector<std::string> requests;
  {
    Process before(folder);
    for (const char* model : {"x", "y", "z"}) {
      ASSERT_THAT(before.router_->DeclareModel({model, kGeometry, {}}), IsOk());
    }
    for (const char* node : {"a", "b", "c"}) before.Register(node);
    for (int i = 0; i < 9; ++i) ASSERT_THAT(before.Place(absl::StrCat("r", i)), IsOk());
    requests = before.Requests();
  }
  Router::Options limits;
  limits.max_models = 1;
  limits.max_nodes_per_model = 2;
  limits.max_leases_per_model = 3;
  const auto log = std::make_shared<StringOutput>();
  for (int restart = 0; restart < 2; ++restart) {
    Process after(folder, {.router = limits, .log = log});
    EXPECT_EQ(after.router_->ListModels().size(), 4u);
    EXPECT_EQ(after.router_->ListNodes(kModel)->size(), 3u);
    EXPECT_EQ(after.Requests(), requests);
    EXPECT_EQ(after.Metric("eldr_state_restored_total", "refused_lease"), 0);
    // New ones are refused as ever, and what is refused costs nothing that is there.
    EXPECT_THAT(after.router_->DeclareModel({"new", kGeometry, {}}),
                StatusIs(absl::StatusCode::kResourceExhausted));
    EXPECT_THAT(after.Place("new"), StatusIs(absl::StatusCode::kResourceExhausted));
    after.clock_.Advance(absl::Seconds(6));
    after.Write();
  }
  for (const char* limit : {"limits.models", "limits.nodes_per_model", "limits.leases_per_model"}) {
    EXPECT_THAT(log->text(), HasSubstr(absl::StrCat("limit=", limit)));
  }
}

}  // namespace
}  // namespace eldr

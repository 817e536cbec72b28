// What a new process finds in the state directory of one that was killed.
#include "server/state/state_store.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/observers.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace eldr {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

constexpr char kModel[] = "m";
const ModelGeometry kGeometry = {2, 8, 2, {}};

// Removed when the program ends.
std::string NewFolder() {
  static std::vector<std::unique_ptr<TempDir>> folders;
  folders.push_back(std::make_unique<TempDir>());
  return *folders.back() / "state";
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// A router with a store on a folder; steps by hand.
class Process {
 public:
  explicit Process(const std::string& folder, const std::string& sync = "interval",
                   const ModelGeometry& geometry = kGeometry, RouterObserver* also = nullptr)
      : log_(LogConfig{}, clock_, std::make_shared<NoOutput>()) {
    StateConfig config;
    config.directory = folder;
    config.sync = sync;
    auto opened = StateStore::Open(config, clock_, log_, registry_);
    status_ = opened.status();
    if (!opened.ok()) return;
    store_ = *std::move(opened);
    observers_.Add(*store_);
    if (also != nullptr) observers_.Add(*also);
    router_ = Router::Create({}, clock_, observers_).value();
    EXPECT_THAT(router_->DeclareModel({kModel, geometry, {}}), IsOk());
    store_->Restore(*router_, [&](const ModelRecord& record) {
      return router_->DeclareModel({record.name, record.geometry, {}}).status();
    });
    while (store_->restoring()) store_->Step();
  }

  ~Process() {
    if (store_ != nullptr) store_->Close();
  }

  // Everything so far is written, what was learned too.
  void Write() {
    clock_.Advance(absl::Seconds(1));
    store_->Step();
  }
  void Register(const std::string& id, std::uint64_t incarnation = 1) {
    NodeSpec spec;
    spec.node_id = id;
    spec.model = kModel;
    spec.address = "a:1";
    spec.incarnation = incarnation;
    spec.heartbeat_interval = absl::Seconds(1);
    ASSERT_THAT(router_->RegisterNode(spec), IsOk());
    Beat(id);
  }
  HeartbeatResult Beat(const std::string& id) {
    NodeReport report;
    report.node_id = id;
    return router_->Heartbeat(report).value_or(HeartbeatResult{NodeState::kLost, false, 0, false});
  }
  absl::StatusOr<Placement> Place(const std::string& id) {
    PlacementQuery query;
    query.model = kModel;
    query.request_id = id;
    return router_->Place(query);
  }
  std::vector<std::string> Requests() {
    std::vector<std::string> ids;
    const ModelRecord model = router_->CopyModel(kModel).value();
    for (const LeaseRecord& lease : model.leases) {
      ids.push_back(lease.request_id);
    }
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  double Metric(const std::string& name, const std::string& label = "") {
    for (const auto& family : registry_.Collect()) {
      if (family.name != name) continue;
      for (const auto& metric : family.metric) {
        if (label.empty() || (!metric.label.empty() && metric.label[0].value == label)) {
          return metric.counter.value + metric.gauge.value;
        }
      }
    }
    return -1;
  }

  FakeClock clock_;
  Log log_;
  prometheus::Registry registry_;
  Observers observers_;
  absl::Status status_;
  std::unique_ptr<StateStore> store_;
  std::unique_ptr<Router> router_;
};

// What kill -9 would leave now.
std::string CopyAsKilled(const std::string& folder) {
  std::string copy = NewFolder();
  fs::copy(folder, copy, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  return copy;
}

// Everything that a router tells of its state, in order; loads aside, for which reports count too.
std::string Observe(const Router& router) {
  std::string seen;
  ModelRecord model = router.CopyModel(kModel).value();
  std::sort(model.leases.begin(), model.leases.end(),
            [](const LeaseRecord& a, const LeaseRecord& b) { return a.id < b.id; });
  for (const LeaseRecord& lease : model.leases) {
    absl::StrAppend(&seen, "lease ", lease.id, " ", lease.request_id, " ", lease.node_id, " ",
                    lease.sequences, " ", lease.kv_tokens, " ", lease.learned, " ",
                    static_cast<int>(lease.quality), " ", lease.signature_coverage, " ",
                    absl::FormatDuration(lease.ttl));
    const auto contribution = router.CopyContributions(kModel, {lease.request_id}).value();
    for (const std::uint8_t code : contribution.at(0).codes) absl::StrAppend(&seen, " ", code);
    absl::StrAppend(&seen, "\n");
  }
  const auto nodes = router.ListNodes("");
  for (const NodeStatus& node : *nodes) {
    absl::StrAppend(&seen, "node ", node.spec.node_id, " ", node.spec.incarnation, " ",
                    Name(node.state), " ", node.draining, " ", node.leases, " ", node.kv_tokens,
                    "\n");
    const auto residency = router.GetResidency(node.spec.node_id);
    for (const float chance : residency->activation) {
      absl::StrAppend(&seen, absl::Hex(std::bit_cast<std::uint32_t>(chance)), " ");
    }
  }
  LearnedVersions versions;
  const LearnedRecord learned = router.CopyLearned(kModel, versions).value();
  absl::StrAppend(&seen, "\nlearned ", learned.prior.requests);
  for (const float chance : learned.prior.activation) {
    absl::StrAppend(&seen, " ", absl::Hex(std::bit_cast<std::uint32_t>(chance)));
  }
  return seen;
}

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
  Process before(folder, "interval", kGeometry, &observer);
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
  Process after(CopyAsKilled(folder), "interval", {4, 8, 2, {}});
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
    EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
  }
}

TEST(StateStoreTest, OneProcessAtATimeHasTheDirectory) {
  const std::string folder = NewFolder();
  Process first(folder);
  EXPECT_THAT(Process(folder).status_, StatusIs(absl::StatusCode::kInvalidArgument,
                                                HasSubstr("another process has it open")));
}

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

  // Opens a copy with these bytes, and expects whole batches from the first on.
  void ExpectPrefix(const std::string& log, bool cut) {
    WriteFile(killed_ + "/state.db", file_);
    WriteFile(killed_ + "/state.db-wal", log);
    Process after(killed_);
    ASSERT_THAT(after.status_, IsOk());
    const std::vector<std::string> requests = after.Requests();
    ASSERT_LE(requests.size(), all_.size());
    EXPECT_EQ(requests.size() % 2, 0u);
    EXPECT_THAT(requests, ElementsAreArray(all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(
                                                                            requests.size())));
    if (cut) {
      EXPECT_EQ(after.Metric("eldr_state_errors_total", "cut_tail"), 1);
    } else if (log.size() == log_.size()) {
      EXPECT_EQ(requests.size(), all_.size());
    }
    EXPECT_THAT(after.Place("later").status(),
                ::testing::AnyOf(IsOk(), StatusIs(absl::StatusCode::kUnavailable)));
  }

  std::string killed_;
  std::vector<std::string> all_;
  std::string log_;
  std::string file_;
};

TEST_F(StateDamageTest, AWholeLogIsTakenWhole) { ExpectPrefix(log_, false); }

TEST_F(StateDamageTest, ATruncatedTailIsCutOff) {
  const std::size_t last_page = log_.size() - 4096 - 24;
  for (std::size_t size = 33; size < log_.size();) {
    SCOPED_TRACE(absl::StrCat("log of ", size, " of ", log_.size(), " bytes"));
    // Between frames a cut leaves no trace but the missing end of a transaction, or none at all.
    const bool between = (size - 32) % (4096 + 24) == 0;
    ExpectPrefix(log_.substr(0, size), !between);
    if (HasFailure()) return;
    // Every byte around the last frame's header, then every 61st.
    size += size >= last_page && size < last_page + 64 ? 1 : 61;
  }
}

TEST_F(StateDamageTest, AFlippedByteOfTheLogIsCutOff) {
  for (std::size_t at = 32; at < log_.size(); at += 97) {
    SCOPED_TRACE(absl::StrCat("byte ", at));
    std::string log = log_;
    log[at] = static_cast<char>(log[at] ^ 0x40);
    WriteFile(killed_ + "/state.db", file_);
    WriteFile(killed_ + "/state.db-wal", log);
    Process after(killed_);
    ASSERT_THAT(after.status_, IsOk());
    EXPECT_LE(after.Requests().size(), all_.size());
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

TEST(StateStoreTest, AFullDiskIsSurvivedAndCaughtUpWith) {
  const std::string folder = NewFolder();
  Process process(folder);
  process.Register("n");
  ASSERT_THAT(process.Place("before"), IsOk());
  process.Write();
  signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit full = {8192, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
  for (int i = 0; i < 20; ++i) ASSERT_THAT(process.Place(absl::StrCat("full", i)), IsOk());
  process.Write();
  EXPECT_EQ(process.Metric("eldr_state_kept"), 0);
  EXPECT_EQ(process.Metric("eldr_state_errors_total", "write"), 1);
  ASSERT_THAT(process.Place("unkept"), IsOk());
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  process.clock_.Advance(absl::Seconds(6));
  process.store_->Step();
  EXPECT_EQ(process.Metric("eldr_state_kept"), 1);
  Process after(CopyAsKilled(folder));
  EXPECT_EQ(after.Requests(), process.Requests());
}

TEST(StateStoreTest, WithAlwaysAnAnswerWaitsForItsBatch) {
  Process process(NewFolder(), "always");
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

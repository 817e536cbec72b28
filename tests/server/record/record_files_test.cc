// Records on disks that are slow, full or end.
#include "server/record/record_files.h"

#include <sys/mman.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/log_output.h"
#include "server/record/event_log.h"
#include "server/record/record_stream.h"
#include "server/router_events.h"
#include "tests/support/disk_faults.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace eldr {
namespace {

namespace fs = std::filesystem;
using Fault = DiskFaults::Fault;

storage::v1::EventRecord Event(int number) {
  storage::v1::EventRecord record;
  record.set_node_removed(absl::StrCat("n", number));
  return record;
}

// The numbers of the events in all files of the folder. A failure if a file is none of records.
std::vector<int> Numbers(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (absl::EndsWith(entry.path().string(), ".rec")) paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<int> numbers;
  for (const std::string& path : paths) {
    const std::string bytes = ReadContents(path).value();
    EXPECT_TRUE(absl::StartsWith(bytes, "MAGIC")) << path;
    EXPECT_THAT(VisitRecords<storage::v1::EventRecord>(
                    absl::string_view(bytes).substr(5),
                    [&](const storage::v1::EventRecord& record) {
                      numbers.push_back(std::stoi(record.node_removed().substr(1)));
                      return absl::OkStatus();
                    }),
                IsOk());
  }
  return numbers;
}

class RecordFilesTest : public ::testing::Test {
 protected:
  std::unique_ptr<RecordFiles> Open(const std::string& folder, FileSystem& files,
                                    std::uint64_t max_bytes = 1 << 20) {
    auto opened = RecordFiles::Open({.key = "key",
                                     .directory = folder,
                                     .prefix = "e-",
                                     .suffix = ".rec",
                                     .magic = "MAGIC",
                                     .file_bytes = 40,
                                     .max_bytes = max_bytes,
                                     .head = nullptr},
                                    log_, files);
    return opened.ok() ? *std::move(opened) : nullptr;
  }

  FakeClock clock_;
  Log log_{LogConfig{}, clock_, std::make_shared<NoOutput>()};
};

TEST_F(RecordFilesTest, AFailureOfAnyStepCostsOneFlushAtMost) {
  int steps = 1000;
  for (int step = 1; step <= steps; ++step) {
    SCOPED_TRACE(absl::StrCat("step ", step));
    const TempDir dir;
    DiskFaults faults(dir.path());
    FaultyFileSystem files(faults);
    const auto records = Open(dir.path(), files);
    ASSERT_NE(records, nullptr);
    faults.Arm(Fault::kFailOnce, step);
    for (int i = 0; i < 20; ++i) {
      records->Append(Event(i));
      records->Flush();
    }
    const RecordFiles::Counts counts = records->counts();
    const std::vector<int> numbers = Numbers(dir.path());
    EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
    EXPECT_EQ(numbers.size(), counts.written);
    EXPECT_EQ(counts.written + counts.dropped, 20u);
    EXPECT_LE(counts.dropped, 1u);
    std::uint64_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(dir.path())) bytes += entry.file_size();
    EXPECT_EQ(counts.bytes, bytes);
    if (HasFailure()) return;
    steps = faults.steps();
  }
  EXPECT_GT(steps, 20);
}

TEST_F(RecordFilesTest, AFullDiskAtTheStartCostsRecordsAlone) {
  const TempDir dir;
  DiskFaults faults(dir.path());
  FaultyFileSystem files(faults);
  faults.set_full(true);
  const auto records = Open(dir.path(), files);
  ASSERT_NE(records, nullptr);
  records->Append(Event(1));
  records->Flush();
  EXPECT_EQ(records->counts().dropped, 1u);
  faults.set_full(false);
  records->Append(Event(2));
  records->Flush();
  EXPECT_THAT(Numbers(dir.path()), ::testing::ElementsAre(2));
}

TEST_F(RecordFilesTest, FilesThatSomebodyRemovesCostWhatIsInThem) {
  const TempDir dir;
  const std::string folder = dir / "records";
  const auto records = Open(folder, RealFileSystem());
  ASSERT_NE(records, nullptr);
  records->Append(Event(1));
  records->Flush();
  fs::remove_all(folder);
  records->Append(Event(2));
  records->Flush();
  EXPECT_THAT(Numbers(folder), ::testing::ElementsAre(2));
  for (const auto& entry : fs::directory_iterator(folder)) fs::remove(entry.path());
  records->Append(Event(3));
  records->Flush();
  EXPECT_THAT(Numbers(folder), ::testing::ElementsAre(3));
}

TEST_F(RecordFilesTest, AKillAtAnyStepCostsWhatWasNotFlushed) {
  auto* const flushed = static_cast<int*>(mmap(
      nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, /*fd=*/-1, /*offset=*/0));
  ASSERT_NE(flushed, MAP_FAILED);
  for (int step = 1;; ++step) {
    SCOPED_TRACE(absl::StrCat("step ", step));
    const TempDir dir;
    *flushed = 0;
    const int exit_code = RunInChild([&] {
      DiskFaults faults(dir.path());
      FaultyFileSystem files(faults);
      faults.Arm(Fault::kKill, step);
      Log log(LogConfig{}, clock_, std::make_shared<NoOutput>());
      const auto records = Open(dir.path(), files);
      for (int i = 0; i < 20; ++i) {
        records->Append(Event(i));
        records->Flush();
        *flushed = i + 1;
      }
    });
    if (exit_code == 0) {
      EXPECT_GT(step, 20);
      break;
    }
    ASSERT_EQ(exit_code, DiskFaults::kExitCode);
    std::vector<int> numbers = Numbers(dir.path());
    ASSERT_GE(static_cast<int>(numbers.size()), *flushed);
    // The next process goes on behind them.
    const auto records = Open(dir.path(), RealFileSystem());
    records->Append(Event(100));
    records->Flush();
    numbers.push_back(100);
    EXPECT_EQ(Numbers(dir.path()), numbers);
    if (HasFailure()) break;
  }
  munmap(flushed, 4096);
}

TEST_F(RecordFilesTest, AFileThatCannotBeRemovedCountsUntilItIs) {
  const TempDir dir;
  DiskFaults faults(dir.path());
  FaultyFileSystem files(faults);
  const auto records = Open(dir.path(), files, /*max_bytes=*/100);
  const auto bytes_on_disk = [&] {
    std::uint64_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(dir.path())) bytes += entry.file_size();
    return bytes;
  };
  for (int i = 0; i < 50; ++i) {
    if (i % 7 == 0) faults.Arm(Fault::kFailOnce, 4);
    records->Append(Event(i));
    records->Flush();
    EXPECT_EQ(records->counts().bytes, bytes_on_disk());
  }
  faults.Arm(Fault::kNone, 0);
  for (int i = 0; i < 5; ++i) {
    records->Append(Event(i));
    records->Flush();
  }
  EXPECT_LE(bytes_on_disk(), 100u);
}

// A disk on which a write takes until it is let go.
class StuckFileSystem final : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<OutputFile>> Create(const std::string& path) override {
    auto file = RealFileSystem().Create(path);
    if (!file.ok()) return file;
    return std::make_unique<StuckFile>(*std::move(file), *this);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return RealFileSystem().Rename(from, to);
  }
  absl::Status Remove(const std::string& path) override { return RealFileSystem().Remove(path); }
  absl::Status SyncFolder(const std::string& path) override {
    return RealFileSystem().SyncFolder(path);
  }

  void set_stuck(bool stuck) {
    MutexLock lock(mutex_);
    stuck_ = stuck;
    changed_.NotifyAll();
  }
  // Returns when a write hangs.
  void AwaitWriter() {
    MutexLock lock(mutex_);
    while (!waiting_) changed_.Wait(mutex_);
  }

 private:
  class StuckFile final : public OutputFile {
   public:
    StuckFile(std::unique_ptr<OutputFile> file, StuckFileSystem& disk)
        : file_(std::move(file)), disk_(disk) {}
    absl::Status Append(absl::string_view bytes) override {
      disk_.Pass();
      return file_->Append(bytes);
    }
    absl::Status Sync() override { return file_->Sync(); }
    absl::Status Close() override { return file_->Close(); }

   private:
    const std::unique_ptr<OutputFile> file_;
    StuckFileSystem& disk_;
  };
  void Pass() {
    MutexLock lock(mutex_);
    waiting_ = stuck_;
    changed_.NotifyAll();
    while (stuck_) changed_.Wait(mutex_);
    waiting_ = false;
  }

  Mutex mutex_;
  CondVar changed_;
  bool stuck_ ABSL_GUARDED_BY(mutex_) = false;
  bool waiting_ ABSL_GUARDED_BY(mutex_) = false;
};

TEST_F(RecordFilesTest, ADiskThatHangsHoldsUpNoPlacement) {
  const TempDir dir;
  StuckFileSystem disk;
  prometheus::Registry registry;
  Metrics metrics(registry, 4);
  RouterEvents events(metrics, log_);
  const auto router = Router::Create({}, clock_, events).value();
  const auto event_log =
      EventLog::Open({.directory = dir.path()}, *router, clock_, log_, disk).value();
  events.set_event_log(event_log.get());
  ASSERT_THAT(router->DeclareModel({"m", {2, 8, 2, {}}, {}}), IsOk());
  NodeSpec node;
  node.node_id = "n";
  node.model = "m";
  node.address = "n:1";
  ASSERT_THAT(router->RegisterNode(node), IsOk());

  disk.set_stuck(true);
  std::thread recorder([&] { event_log->Flush(); });
  disk.AwaitWriter();
  // On this thread: it would hang too if any call waited for the disk.
  v1::PlaceRequest request;
  for (int i = 0; i < 1000; ++i) {
    request.set_request_id(absl::StrCat("r", i));
    PlacementQuery query;
    query.model = "m";
    query.request_id = request.request_id();
    const absl::StatusOr<Placement> placement = router->Place(query);
    ASSERT_THAT(placement, IsOk());
    event_log->OnPlaced(request, *placement, "");
    EXPECT_THAT(router->Release({{"m", query.request_id, 0}, {}, {}}), IsOk());
    EXPECT_GE(event_log->counts().bytes, 0u);
  }
  disk.set_stuck(false);
  recorder.join();
  event_log->Flush();
  EXPECT_EQ(event_log->counts().dropped, 0u);
  EXPECT_EQ(event_log->counts().written, 1u + 1u + 2000u) << "a node, its state, and each twice";
}

}  // namespace
}  // namespace eldr

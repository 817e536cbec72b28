// A disk that fails at any step, and a process or a power supply that ends at any: what was
// acknowledged is there afterwards.
#include <sys/mman.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/config.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/state/faulty_sqlite.h"
#include "tests/server/state/state_process.h"
#include "tests/support/disk_faults.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace eldr {
namespace {

using Fault = DiskFaults::Fault;

// Each step is met with each fault where it is fast. Under ASan, which is there for what a fault
// makes of memory and not for which step loses what, the steps are parted among the faults.
#ifdef ABSL_HAVE_ADDRESS_SANITIZER
constexpr int kStride = 3;
#else
constexpr int kStride = 1;
#endif

int FirstStep(Fault fault) { return 1 + static_cast<int>(fault) % kStride; }

// The life of a daemon with state_sync "always": a start, placements, a full disk, a file that is
// written anew, a stop and another start. It is the same each time, whatever the disk does.
class Life {
 public:
  static constexpr int kParts = 8;

  Life(const std::string& folder, DiskFaults& faults)
      : folder_(folder), faults_(faults), sqlite_(faults), files_(faults) {
    Start();
  }

  // What it does between two acknowledgements; `part` counts from 0.
  void Live(int part) {
    switch (part) {
      case 0:
        process_->Register("a");
        process_->Register("b");
        return process_->Write();
      case 1:
        for (int i = 0; i < 4; ++i) Place(absl::StrCat("first", i));
        return process_->Write();
      case 2:
        process_->Release("first1");
        Place("second");
        return process_->Write();
      case 3:  // the disk is full
        faults_.set_full(true);
        Place("third");
        process_->Release("first2");
        process_->Write();
        return faults_.set_full(false);
      case 4:  // there is room again, and all is written anew
        Place("fourth");
        process_->clock_.Advance(absl::Seconds(6));
        return process_->Write();
      case 5:
        process_->Release("first3");
        Place("fifth");
        return process_->Write();
      case 6:
        process_.reset();
        Start();
        return process_->Write();
      case 7:
        Place("last");
        return process_->Write();
      default:
        FAIL() << "no such part";
    }
  }

  // All that happened so far was acknowledged as kept.
  bool Kept() const { return process_->Metric("eldr_state_kept") == 1; }
  std::string Books() const { return ObserveBooks(*process_->router_); }
  Process& process() { return *process_; }

 private:
  // A start that the disk refuses is tried again, as an operator would.
  void Start() {
    for (int tries = 0; tries < 2; ++tries) {
      process_ =
          std::make_unique<Process>(folder_, Process::Options{.sync = "always", .files = &files_});
      if (process_->status_.ok()) return;
    }
    // Nothing can be made on a disk that never works: without the faults, so that life goes on.
    faults_.Arm(Fault::kNone, 0);
    process_ =
        std::make_unique<Process>(folder_, Process::Options{.sync = "always", .files = &files_});
    ASSERT_THAT(process_->status_, IsOk());
  }
  void Place(const std::string& request) { ASSERT_THAT(process_->Place(request), IsOk()); }

  const std::string folder_;
  DiskFaults& faults_;
  const FaultySqlite sqlite_;
  FaultyFileSystem files_;
  std::unique_ptr<Process> process_;
};

// What a new process finds in the folder.
std::string Restored(const std::string& folder) {
  // It has no need to wait for the disk.
  const Process process(folder, {.sync = "never"});
  EXPECT_THAT(process.status_, IsOk());
  return process.status_.ok() ? ObserveBooks(*process.router_) : "";
}

// What it would find if the one that uses the folder were killed now.
std::string RestoredIfKilled(const std::string& folder, DiskFaults& faults) {
  const TempDir copy;
  std::filesystem::copy(folder, copy / "state", std::filesystem::copy_options::recursive);
  faults.set_paused(true);
  std::string books = Restored(copy / "state");
  faults.set_paused(false);
  return books;
}

class StateFaultTest : public ::testing::Test {
 protected:
  // Lives without a fault, to know what is to be expected.
  StateFaultTest() {
    const TempDir dir;
    // Of a process that has died before anything was acknowledged.
    books_.push_back(Restored(dir / "nothing"));
    const std::string folder = dir / "state";
    DiskFaults faults(folder);
    Life life(folder, faults);
    for (int part = 0; part < Life::kParts; ++part) {
      life.Live(part);
      books_.push_back(life.Books());
      EXPECT_EQ(life.Kept(), part != 3);
      if (!life.Kept()) continue;
      EXPECT_EQ(RestoredIfKilled(folder, faults), books_.back());
    }
    steps_ = faults.steps();
  }

  // The books are those after one of the parts from `acknowledged` on, which counts from 1, to
  // `lived`.
  void ExpectNothingLost(const std::string& books, int acknowledged, int lived) {
    for (int part = acknowledged; part <= lived; ++part) {
      if (books == books_[static_cast<std::size_t>(part)]) return;
    }
    ADD_FAILURE() << "of " << lived << " parts " << acknowledged
                  << " were acknowledged, the last with\n"
                  << books_[static_cast<std::size_t>(acknowledged)] << "\nrestored was\n"
                  << books;
  }

  void EndsAtEachStep(Fault fault) {
    // Shared with the child.
    auto* const acknowledged =
        static_cast<int*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                               /*fd=*/-1, /*offset=*/0));
    ASSERT_NE(acknowledged, MAP_FAILED);
    for (int step = FirstStep(fault); step <= steps_; step += kStride) {
      SCOPED_TRACE(absl::StrCat("step ", step, " of ", steps_));
      const TempDir dir;
      const std::string folder = dir / "state";
      *acknowledged = 0;
      const int exit_code = RunInChild([&] {
        DiskFaults faults(folder);
        faults.Arm(fault, step);
        Life life(folder, faults);
        for (int part = 0; part < Life::kParts; ++part) {
          life.Live(part);
          if (life.Kept()) *acknowledged = part + 1;
        }
      });
      EXPECT_EQ(exit_code, DiskFaults::kExitCode);
      const bool power_cut = fault != Fault::kKill;
      ExpectNothingLost(Restored(power_cut ? DiskFaults::Survivors(folder) : folder), *acknowledged,
                        Life::kParts);
      if (HasFailure()) break;
    }
    munmap(acknowledged, 4096);
  }

  void FailsAtEachStep(Fault fault) {
    for (int step = FirstStep(fault); step <= steps_; step += kStride) {
      SCOPED_TRACE(absl::StrCat("step ", step, " of ", steps_));
      const TempDir dir;
      const std::string folder = dir / "state";
      DiskFaults faults(folder);
      faults.Arm(fault, step);
      Life life(folder, faults);
      int acknowledged = 0;
      for (int part = 0; part < Life::kParts; ++part) {
        // What a stop on a broken disk could not write is not there after the start.
        if (part == 6 && !life.Kept()) break;
        life.Live(part);
        ASSERT_EQ(life.Books(), books_[static_cast<std::size_t>(part) + 1]) << "it served on";
        if (life.Kept()) acknowledged = part + 1;
        // Before the fault all is as it was without one, which was looked at once for all.
        if (faults.steps() < step) continue;
        ExpectNothingLost(RestoredIfKilled(folder, faults), acknowledged, part + 1);
        if (HasFailure()) return;
      }
      // On a disk that works again everything is caught up with.
      faults.Arm(Fault::kNone, 0);
      life.process().clock_.Advance(absl::Seconds(6));
      life.process().Write();
      EXPECT_TRUE(life.Kept());
      EXPECT_EQ(RestoredIfKilled(folder, faults), life.Books());
      if (HasFailure()) return;
    }
  }

  int steps_ = 0;
  std::vector<std::string> books_;  // before and after each part
};

TEST_F(StateFaultTest, AKillAtAnyStepLosesNothingAcknowledged) { EndsAtEachStep(Fault::kKill); }

TEST_F(StateFaultTest, APowerCutAtAnyStepLosesNothingAcknowledged) {
  EndsAtEachStep(Fault::kPowerCut);
}

TEST_F(StateFaultTest, APowerCutThatKeepsNamesLosesNothingAcknowledged) {
  EndsAtEachStep(Fault::kPowerCutKeepsNames);
}

TEST_F(StateFaultTest, AFailureOfAnyStepLosesNothingAcknowledged) {
  FailsAtEachStep(Fault::kFailOnce);
}

TEST_F(StateFaultTest, ADiskThatFailsFromAnyStepOnLosesNothingAcknowledged) {
  FailsAtEachStep(Fault::kFailOn);
}

}  // namespace
}  // namespace eldr

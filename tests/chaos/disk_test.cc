// The disk of the state directory fills up.
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/chaos/chaos_test.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

// A file system of a few MiB.
class SmallDisk {
 public:
  SmallDisk() { mounted_ = mount("tmpfs", path().c_str(), "tmpfs", 0, "size=4m") == 0; }
  ~SmallDisk() {
    if (mounted_) umount2(path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }
  const std::string& path() const { return dir_.path(); }
  // Takes all the room that is left.
  void Fill() const {
    std::ofstream file(path() + "/filler", std::ios::binary);
    const std::string block(4096, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void Free() const { std::filesystem::remove(path() + "/filler"); }

 private:
  const TempDir dir_;
  bool mounted_ = false;
};

class DiskTest : public ChaosTest {
 protected:
  void SetUp() override {
    if (!disk_.mounted()) GTEST_SKIP() << "needs root to mount a small tmpfs";
    EldrdProcess::Settings settings;
    settings.more = absl::StrCat("state_dir: ", disk_.path(), "/state\nstate_sync: always\n");
    StartDaemon(settings);
  }

  const SmallDisk disk_;
};

TEST_F(DiskTest, AFullOneStopsNoPlacementAndIsCaughtUpWith) {
  for (int i = 0; i < 4; ++i) eldrd_->RegisterNode(absl::StrCat("n", i));
  const auto load = StartLoad();
  ASSERT_TRUE(load->PlacesMore(100));
  EXPECT_EQ(eldrd_->Metric("eldr_state_kept"), 1);
  disk_.Fill();
  const auto held = StartWorker({"frontend", eldrd_->unix_target(), "500", "600"});
  EXPECT_TRUE(Within(absl::Seconds(30), [&] { return eldrd_->Metric("eldr_state_kept") == 0; }));
  EXPECT_GT(eldrd_->Metric("eldr_state_errors_total", "cause=\"write\""), 0);
  EXPECT_THAT(eldrd_->Log(), HasSubstr("state_not_kept"));
  ASSERT_TRUE(load->PlacesMore(200)) << "without a disk";

  disk_.Free();
  EXPECT_TRUE(Within(absl::Seconds(30), [&] { return eldrd_->Metric("eldr_state_kept") == 1; }));
  EXPECT_THAT(eldrd_->Log(), HasSubstr("state_rewritten"));
  load->Stop();
  EXPECT_THAT(load->failures(), ::testing::IsEmpty());
  EXPECT_THAT(load->placed_twice(), ::testing::IsEmpty());

  eldrd_->Kill();
  eldrd_->Start();
  if (HasFatalFailure()) return;
  EXPECT_EQ(eldrd_->Metric("eldr_node_leases"), 500) << "placed while the disk was full";
}

TEST_F(DiskTest, AKillWhileItIsFullLosesNothingThatWasKept) {
  for (int i = 0; i < 4; ++i) eldrd_->RegisterNode(absl::StrCat("n", i));
  const auto kept = StartWorker({"frontend", eldrd_->unix_target(), "50", "600"});
  ASSERT_TRUE(Within(absl::Seconds(30), [&] { return eldrd_->Metric("eldr_node_leases") == 50; }));
  ASSERT_EQ(eldrd_->Metric("eldr_state_kept"), 1);
  disk_.Fill();
  const auto load = StartLoad({.name = "unkept"});
  ASSERT_TRUE(Within(absl::Seconds(30), [&] { return eldrd_->Metric("eldr_state_kept") == 0; }));
  // It has tried to write all of it anew, and failed, at least once.
  ASSERT_TRUE(Within(absl::Seconds(30), [&] {
    return eldrd_->Metric("eldr_state_errors_total", "cause=\"write\"") > 1;
  }));
  load->Stop();

  eldrd_->Kill();
  eldrd_->Start();  // on a disk that is full still
  if (HasFatalFailure()) return;
  EXPECT_GE(eldrd_->Metric("eldr_node_leases"), 50);
  EXPECT_EQ(eldrd_->Metric("eldr_node_state", "state=\"ready\""), 4);
  disk_.Free();
  ASSERT_TRUE(Within(absl::Seconds(30), [&] { return eldrd_->Metric("eldr_state_kept") == 1; }));
}

TEST_F(DiskTest, AStopAsSoonAsThereIsRoomKeepsAll) {
  eldrd_->RegisterNode("n");
  const auto held = StartWorker({"frontend", eldrd_->unix_target(), "50", "600"});
  disk_.Fill();
  const auto load = StartLoad();
  ASSERT_TRUE(Within(absl::Seconds(30), [&] { return eldrd_->Metric("eldr_state_kept") == 0; }));
  load->Stop();
  disk_.Free();
  EXPECT_EQ(eldrd_->Terminate(), 0);
  eldrd_->Start();
  if (HasFatalFailure()) return;
  // Those of the load have ended, and an older state would know nothing of that.
  EXPECT_EQ(eldrd_->Metric("eldr_node_leases"), 50);
}

}  // namespace
}  // namespace eldr

#include "server/base/processors.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace eldr {
namespace {

class ProcessorsTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = dir_ / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text << "\n";
  }
  double Usable() { return UsableProcessors(dir_ / "."); }

  TempDir dir_;
};

TEST_F(ProcessorsTest, WithoutAQuotaTheyAreThoseOfTheAffinity) {
  const double all = Usable();
  EXPECT_GE(all, 1);
  Write("proc/self/cgroup", "0::/");
  Write("sys/fs/cgroup/cpu.max", "max 100000");
  EXPECT_EQ(Usable(), all);
}

TEST_F(ProcessorsTest, AContainerSeesItsQuotaAtTheRoot) {
  Write("proc/self/cgroup", "0::/");
  Write("sys/fs/cgroup/cpu.max", "50000 100000");
  EXPECT_DOUBLE_EQ(Usable(), 0.5);
}

TEST_F(ProcessorsTest, TheTightestOfTheGroupsAboveHolds) {
  Write("proc/self/cgroup", "0::/a/b");
  Write("sys/fs/cgroup/a/cpu.max", "25000 100000");
  Write("sys/fs/cgroup/a/b/cpu.max", "75000 100000");
  EXPECT_DOUBLE_EQ(Usable(), 0.25);
}

TEST_F(ProcessorsTest, VersionOneHasAMountForTheController) {
  Write("proc/self/cgroup", "5:memory:/x\n4:cpu,cpuacct:/unknown/here");
  Write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000");
  Write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000");
  EXPECT_DOUBLE_EQ(Usable(), 0.5);
}

TEST_F(ProcessorsTest, ReadsQuotasAsTheyAreWritten) {
  EXPECT_EQ(ProcessorsOfQuota("150000", "100000"), 1.5);
  for (const char* const none : {"max", "-1", "0", "", "many"}) {
    EXPECT_EQ(ProcessorsOfQuota(none, "100000"), std::nullopt) << none;
  }
  EXPECT_EQ(ProcessorsOfQuota("150000", "0"), std::nullopt);
}

}  // namespace
}  // namespace eldr

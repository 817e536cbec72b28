#include "server/base/control_group.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace eldr {
namespace {

class ControlGroupTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = dir_ / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text << "\n";
  }
  std::string Root() { return dir_.path(); }

  TempDir dir_;
};

TEST_F(ControlGroupTest, AreTheOwnOneAndThoseAboveIt) {
  Write("proc/self/cgroup", "5:memory:/x\n4:cpu,cpuacct:/y\n0::/a/b");
  const std::string groups = Root() + "/sys/fs/cgroup";
  EXPECT_THAT(ControlGroupFolders(Root(), "cpu"),
              ::testing::ElementsAre(groups + "/cpu,cpuacct/y", groups + "/cpu,cpuacct",
                                     groups + "/a/b", groups + "/a", groups));
  EXPECT_THAT(ControlGroupFolders(Root() + "/none", "cpu"), ::testing::IsEmpty());
}

TEST_F(ControlGroupTest, TheTightestMemoryLimitHolds) {
  EXPECT_EQ(MemoryLimit(Root()), std::nullopt);
  Write("proc/self/cgroup", "0::/a/b");
  Write("sys/fs/cgroup/a/b/memory.max", "max");
  EXPECT_EQ(MemoryLimit(Root()), std::nullopt);
  Write("sys/fs/cgroup/a/memory.max", "1073741824");
  EXPECT_EQ(MemoryLimit(Root()), 1u << 30);
  Write("sys/fs/cgroup/a/b/memory.max", "536870912");
  EXPECT_EQ(MemoryLimit(Root()), 1u << 29);
}

TEST_F(ControlGroupTest, VersionOneSaysNoLimitWithALargeNumber) {
  Write("proc/self/cgroup", "5:memory:/x");
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
  EXPECT_EQ(MemoryLimit(Root()), std::nullopt);
  Write("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "268435456");
  EXPECT_EQ(MemoryLimit(Root()), 1u << 28);
}

}  // namespace
}  // namespace eldr

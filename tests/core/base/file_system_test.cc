#include "core/base/file_system.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/disk_faults.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace eldr {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using Fault = DiskFaults::Fault;

class ReplaceFileTest : public ::testing::Test {
 protected:
  std::string Contents() const { return ReadContents(path_).value_or("none"); }
  std::size_t FilesLeft() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(dir_.path()), {}));
  }
  // What the file held first, as everybody will find it.
  void Write(const std::string& contents) {
    ASSERT_THAT(ReplaceFile(RealFileSystem(), path_, contents), IsOk());
  }
  int CountSteps() {
    DiskFaults faults(dir_.path());
    FaultyFileSystem files(faults);
    EXPECT_THAT(ReplaceFile(files, path_, {"new ", "contents"}), IsOk());
    return faults.steps();
  }

  const TempDir dir_;
  const std::string path_ = dir_ / "file";
};

TEST_F(ReplaceFileTest, ReplacesAndLeavesNothingElse) {
  Write("first");
  EXPECT_EQ(Contents(), "first");
  Write("second");
  EXPECT_EQ(Contents(), "second");
  EXPECT_EQ(FilesLeft(), 1u);
}

TEST_F(ReplaceFileTest, AFailureOfAnyStepLeavesTheOldOrTheNew) {
  const int steps = CountSteps();
  ASSERT_GE(steps, 6) << "make, append twice, sync, close, rename, sync the folder";
  for (int step = 1; step <= steps; ++step) {
    SCOPED_TRACE(absl::StrCat("step ", step, " of ", steps));
    Write("old");
    DiskFaults faults(dir_.path());
    FaultyFileSystem files(faults);
    faults.Arm(Fault::kFailOnce, step);
    EXPECT_THAT(ReplaceFile(files, path_, {"new ", "contents"}),
                StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("No space left")));
    // Only the folder's sync comes after the name is given.
    EXPECT_EQ(Contents(), step < steps ? "old" : "new contents");
    EXPECT_EQ(FilesLeft(), 1u);
  }
}

TEST_F(ReplaceFileTest, AnEndAtAnyStepLeavesTheOldOrTheNew) {
  const int steps = CountSteps();
  for (const Fault fault : {Fault::kKill, Fault::kPowerCut, Fault::kPowerCutKeepsNames}) {
    for (int step = 1; step <= steps; ++step) {
      SCOPED_TRACE(absl::StrCat("fault ", static_cast<int>(fault), ", step ", step));
      const TempDir dir;
      const std::string folder = dir / "folder";
      fs::create_directory(folder);
      const int exit_code = RunInChild([&] {
        DiskFaults faults(folder);
        FaultyFileSystem files(faults);
        ReplaceFile(files, folder + "/file", "old").IgnoreError();
        faults.Arm(fault, step);
        ReplaceFile(files, folder + "/file", {"new ", "contents"}).IgnoreError();
      });
      ASSERT_EQ(exit_code, DiskFaults::kExitCode);
      const std::string found = fault == Fault::kKill ? folder : DiskFaults::Survivors(folder);
      EXPECT_THAT(ReadContents(found + "/file").value_or("none"), AnyOf("old", "new contents"));
    }
  }
}

TEST_F(ReplaceFileTest, FollowsALinkAndKeepsPermissions) {
  Write("old");
  fs::permissions(path_, fs::perms::owner_read | fs::perms::owner_write);
  const std::string link = dir_ / "link";
  fs::create_symlink(path_, link);
  ASSERT_THAT(ReplaceFile(RealFileSystem(), link, "new"), IsOk());
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(Contents(), "new");
  EXPECT_EQ(fs::status(path_).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(ReplaceFileTest, WritesToWhatIsNoFileDirectly) {
  EXPECT_THAT(ReplaceFile(RealFileSystem(), "/dev/null", "bytes"), IsOk());
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(ReplaceFileTest, SaysWhyItCannot) {
  EXPECT_THAT(ReplaceFile(RealFileSystem(), dir_ / "nowhere/file", "x"),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("nowhere/file"), HasSubstr("No such file or directory"))));
}

TEST(ReadContentsTest, ReadsAllOrSaysWhyNot) {
  const TempDir dir;
  const std::string bytes = std::string(200'000, 'x') + std::string(1, '\0') + "end";
  std::ofstream(dir / "file", std::ios::binary) << bytes;
  EXPECT_EQ(ReadContents(dir / "file").value(), bytes);
  EXPECT_THAT(ReadContents(dir / "file", 1000),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("more than 1000 bytes")));
  EXPECT_THAT(ReadContents(dir / "none"),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("none: cannot be read"), HasSubstr("No such file"))));
  EXPECT_FALSE(ReadContents(dir.path()).ok());
  EXPECT_THAT(std::string(ReadContents(dir.path()).status().message()),
              HasSubstr("cannot be read: Is a directory"));
}

TEST(ReadContentsTest, WaitsForNobodyWhoMayWrite) {
  const TempDir dir;
  ASSERT_EQ(mkfifo((dir / "pipe").c_str(), 0600), 0);
  for (const std::string& path : {dir / "pipe", std::string("/dev/zero")}) {
    EXPECT_THAT(ReadContents(path),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(": is a pipe, device or socket, expected a regular file")));
  }
}

}  // namespace
}  // namespace eldr

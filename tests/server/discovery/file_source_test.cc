#include "server/discovery/file_source.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/string_output.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FileSourceTest : public ::testing::Test {
 protected:
  FileSourceTest() : metrics_(DiscoveryMetrics(registry_).Source("file")) {
    config_.model = "m";
    config_.file = dir_ / "endpoints.yaml";
  }

  void Write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }
  static std::string FileOf(std::initializer_list<const char*> names) {
    std::string text = "endpoints: [";
    for (const char* const name : names) {
      absl::StrAppend(&text, "{name: ", name, ", address: h, port: 1}, ");
    }
    return absl::StrCat(text, "]\n");
  }
  std::vector<std::string> Found() {
    source_.Step();
    std::vector<std::string> ids;
    for (const Endpoint& endpoint : list_.Read().endpoints) ids.push_back(endpoint.node_id);
    return ids;
  }
  std::string LogText() {
    log_.Flush(absl::Seconds(10));
    return output_->text();
  }

  const TempDir dir_;
  DiscoveryConfig config_;
  FakeClock clock_;
  prometheus::Registry registry_;
  SourceMetrics metrics_;
  const std::shared_ptr<StringOutput> output_ = std::make_shared<StringOutput>();
  Log log_{LogConfig{}, clock_, output_};
  EndpointList list_{"file", 10, [] {}};
  FileSource source_{config_, list_, clock_, log_, metrics_};
};

TEST_F(FileSourceTest, ReadsTheFileAndEachChangeOfIt) {
  Write(config_.file, FileOf({"a"}));
  EXPECT_THAT(Found(), ElementsAre("a"));
  Write(config_.file, FileOf({"a", "b"}));
  EXPECT_THAT(Found(), ElementsAre("a", "b"));
  Write(config_.file, FileOf({}));
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_TRUE(list_.Read().complete);
  EXPECT_EQ(metrics_.lists_ok.Value(), 3);
  EXPECT_EQ(metrics_.list_time.Value(), 1767225600);
  Found();
  EXPECT_EQ(metrics_.lists_ok.Value(), 3) << "one that stays as it is, is read once";
}

TEST_F(FileSourceTest, SeesOneOfEqualSizeInItsPlace) {
  Write(config_.file, FileOf({"a"}));
  Found();
  Write(dir_ / "new", FileOf({"b"}));
  std::filesystem::rename(dir_ / "new", config_.file);
  EXPECT_THAT(Found(), ElementsAre("b"));
}

// As a ConfigMap is mounted: the file is a link into ..data, which is one to a folder, and a new
// folder takes its place by a rename.
TEST_F(FileSourceTest, FollowsLinksThatLeadElsewhereNow) {
  std::filesystem::create_directory(dir_ / "1");
  std::filesystem::create_directory(dir_ / "2");
  Write(dir_ / "1/endpoints.yaml", FileOf({"a"}));
  Write(dir_ / "2/endpoints.yaml", FileOf({"b"}));
  std::filesystem::create_symlink("1", dir_ / "..data");
  std::filesystem::create_symlink("..data/endpoints.yaml", config_.file);
  EXPECT_THAT(Found(), ElementsAre("a"));
  std::filesystem::create_symlink("2", dir_ / "..new");
  std::filesystem::rename(dir_ / "..new", dir_ / "..data");
  EXPECT_THAT(Found(), ElementsAre("b"));
}

TEST_F(FileSourceTest, ABadFileKeepsWhatTheLastGoodOneSaid) {
  Write(config_.file, FileOf({"a"}));
  Found();
  int bad = 0;
  for (const char* const text : {"endpoints: [", "endpoints:", "", "x"}) {
    Write(config_.file, text);
    EXPECT_THAT(Found(), ElementsAre("a")) << text;
    EXPECT_EQ(metrics_.lists_failed.Value(), ++bad);
  }
  std::filesystem::remove(config_.file);
  EXPECT_THAT(Found(), ElementsAre("a"));
  EXPECT_THAT(LogText(), HasSubstr("discovery_file_refused"));
  EXPECT_THAT(LogText(), HasSubstr("No such file"));
  Write(config_.file, FileOf({"b"}));
  EXPECT_THAT(Found(), ElementsAre("b"));
}

TEST_F(FileSourceTest, OneThatIsNotThereYetIsNoEmptyList) {
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_FALSE(list_.Read().complete);
  EXPECT_EQ(metrics_.lists_failed.Value(), 1);
  Write(config_.file, FileOf({"a"}));
  EXPECT_THAT(Found(), ElementsAre("a"));
}

TEST_F(FileSourceTest, TooManyEndpointsAreABadFile) {
  Write(config_.file, FileOf({"a"}));
  Found();
  Write(config_.file, FileOf({"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"}));
  EXPECT_THAT(Found(), ElementsAre("a"));
  EXPECT_THAT(LogText(), HasSubstr("got 11 endpoints, expected at most 10"));
}

TEST_F(FileSourceTest, CountsAndTellsBadEntries) {
  Write(config_.file, "endpoints: [{name: a, address: h, port: 1}, {name: b}]\n");
  EXPECT_THAT(Found(), ElementsAre("a"));
  EXPECT_EQ(metrics_.entries_refused.Value(), 1);
  EXPECT_EQ(metrics_.lists_ok.Value(), 1);
  EXPECT_THAT(LogText(), HasSubstr("discovery_entry_refused"));
}

// Nobody shall be able to hold up the thread that looks.
TEST_F(FileSourceTest, DoesNotOpenAPipe) {
  ASSERT_EQ(mkfifo(config_.file.c_str(), 0600), 0);
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_EQ(metrics_.lists_failed.Value(), 1);
}

}  // namespace
}  // namespace eldr

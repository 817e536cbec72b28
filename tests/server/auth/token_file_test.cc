#include "server/auth/token_file.h"

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace eldr {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Code = absl::StatusCode;

constexpr char kOld[] = "old-token-0123456789";
constexpr char kNew[] = "new-token-0123456789";

class TokenFileTest : public ::testing::Test {
 protected:
  void Write(const std::string& text) const { std::ofstream(path_) << text; }
  auto Open() const { return TokenFile::Open("auth.tokens.admin", path_); }

  TempDir dir_;
  const std::string path_ = dir_ / "tokens";
};

TEST_F(TokenFileTest, HoldsEachOfItsTokensAndNoOther) {
  Write(std::string("# rotated in May\n\n  ") + kOld + " \r\n" + kNew + "\n");
  const auto file = Open();
  ASSERT_THAT(file, IsOk());
  EXPECT_TRUE((*file)->Holds(DigestOf(kOld)));
  EXPECT_TRUE((*file)->Holds(DigestOf(kNew)));
  EXPECT_FALSE((*file)->Holds(DigestOf("")));
  EXPECT_FALSE((*file)->Holds(DigestOf("# rotated in May")));
  EXPECT_FALSE((*file)->Holds(DigestOf(std::string(kOld).substr(0, 19))));
}

TEST_F(TokenFileTest, RefusesFilesWithoutTokensAndNeverShowsWhatTheyHold) {
  const auto refused = [this](absl::string_view got) {
    EXPECT_THAT(Open(), StatusIs(Code::kInvalidArgument,
                                 AllOf(HasSubstr("auth.tokens.admin: " + path_),
                                       HasSubstr(std::string(got)), Not(HasSubstr("hunter")))));
  };
  refused("cannot be read: No such file or directory");
  Write("");
  refused("no token");
  Write("# hunter\n");
  refused("no token");
  Write(std::string(kOld) + "\nhunter2\n");
  refused("another text in line 2");
  Write("hunter2 hunter2 hunter2\n");
  refused("another text in line 1");
  Write(std::string(2 << 20, 'x'));
  refused("more than 1048576 bytes");
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  refused("cannot be read: Is a directory");
}

TEST_F(TokenFileTest, AReplacedTokenIsGoodAndTheFormerOneNoMore) {
  Write(kOld);
  auto file = Open();
  ASSERT_THAT(file, IsOk());
  EXPECT_FALSE((*file)->Reload().value()) << "nothing has changed";
  Write(kNew);
  EXPECT_TRUE((*file)->Reload().value());
  EXPECT_FALSE((*file)->Holds(DigestOf(kOld)));
  EXPECT_TRUE((*file)->Holds(DigestOf(kNew)));
}

TEST_F(TokenFileTest, ABadFileKeepsTheFormerTokens) {
  Write(kOld);
  auto file = Open();
  ASSERT_THAT(file, IsOk());
  std::filesystem::remove(path_);
  EXPECT_THAT((*file)->Reload(), StatusIs(Code::kInvalidArgument, HasSubstr("cannot be read")));
  EXPECT_TRUE((*file)->Holds(DigestOf(kOld)));
  Write(kNew);
  EXPECT_TRUE((*file)->Reload().value());
  Write("");
  EXPECT_THAT((*file)->Reload(), StatusIs(Code::kInvalidArgument, HasSubstr("no token")));
}

TEST(BearerTokenTest, IsWhatFollowsTheScheme) {
  EXPECT_EQ(BearerToken("Bearer abc"), "abc");
  EXPECT_EQ(BearerToken("bearer  abc "), "abc");
  EXPECT_EQ(BearerToken("Basic abc"), "");
  EXPECT_EQ(BearerToken("Bearerabc"), "");
  EXPECT_EQ(BearerToken("Bearer"), "");
  EXPECT_EQ(BearerToken(""), "");
}

}  // namespace
}  // namespace eldr

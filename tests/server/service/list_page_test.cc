#include "server/service/list_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "eldr/v1/models.pb.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

TEST(PageTokenTest, BringsBackItsPlace) {
  for (const std::vector<std::string>& place : std::vector<std::vector<std::string>>{
           {"m", "d0"}, {"", ""}, {std::string(256, '\xff'), std::string("\0\n", 2)}}) {
    const std::string token = MakePageToken("nodes of m", place);
    EXPECT_THAT(ParsePageToken("nodes of m", token, 2), IsOkAndHolds(place));
    EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                      "0123456789-_"),
              std::string::npos)
        << "it fits a command line";
  }
}

TEST(PageTokenTest, RefusesWhatWasNotMadeForTheList) {
  const auto refused =
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("page_token: got \""));
  const std::string token = MakePageToken("nodes of m", {"m", "d0"});
  EXPECT_THAT(ParsePageToken("nodes of ", token, 2), refused);
  EXPECT_THAT(ParsePageToken("models", token, 1), refused);
  EXPECT_THAT(ParsePageToken("nodes of m", token, 3), refused);
  EXPECT_THAT(ParsePageToken("nodes of m", token + "A", 2), refused);
  EXPECT_THAT(ParsePageToken("nodes of m", "d0", 2), refused);
  EXPECT_THAT(ParsePageToken("nodes of m", std::string(100'000, 'A'), 2), refused);
  EXPECT_THAT(ParsePageToken("nodes of m", "\n\x1b", 2), refused);
  EXPECT_THAT(ParsePageToken("nodes of m", std::string(200, '\n'), 2),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\\n...\"")));
  for (std::size_t size = 0; size < token.size(); ++size) {
    EXPECT_THAT(ParsePageToken("nodes of m", token.substr(0, size), 2), refused) << size;
    std::string other = token;
    other[size] = other[size] == 'A' ? 'B' : 'A';
    EXPECT_THAT(ParsePageToken("nodes of m", other, 2), refused) << size;
  }
}

TEST(PageTokenTest, RefusesRandomBytes) {
  const auto seed = static_cast<unsigned>(::testing::UnitTest::GetInstance()->random_seed());
  SCOPED_TRACE(::testing::Message() << "rerun with --gtest_random_seed=" << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (auto left = random() % 40; left > 0; --left) bytes += static_cast<char>(random() & 7);
    EXPECT_FALSE(ParsePageToken("models", absl::WebSafeBase64Escape(bytes), 1).ok());
  }
}

TEST(PageTest, HasAsManyElementsAsAskedWithinTheMost) {
  EXPECT_EQ(PageElements(0), kMostPageElements);
  EXPECT_EQ(PageElements(7), 7u);
  EXPECT_EQ(PageElements(4'000'000'000), kMostPageElements);
}

TEST(PageTest, StopsBeforeItOutgrowsAMessage) {
  const auto fill = [](const std::vector<std::string>& names, std::size_t most) {
    v1::ListModelsResponse response;
    const std::size_t shown =
        FillPage(names, most, response.mutable_models(),
                 [](const std::string& name, v1::Model* model) { model->set_name(name); });
    EXPECT_EQ(shown, static_cast<std::size_t>(response.models_size()));
    EXPECT_TRUE(shown < 2 || response.ByteSizeLong() <= kMostPageBytes);
    return shown;
  };
  EXPECT_EQ(fill({}, 5), 0u);
  EXPECT_EQ(fill({"a", "b", "c"}, 2), 2u);
  EXPECT_EQ(fill(std::vector<std::string>(100, std::string(100'000, 'n')), 1000), 31u);
  // One is always shown, or the list would never go on.
  EXPECT_EQ(fill({std::string(kMostPageBytes, 'n'), "b"}, 1000), 1u);
}

}  // namespace
}  // namespace eldr

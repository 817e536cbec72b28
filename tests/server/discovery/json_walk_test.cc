#include "server/discovery/json_walk.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Writes down what it is told: "+path", "-path", "path|key=text".
class Notes final : public JsonVisitor {
 public:
  void OnBegin(absl::string_view path) override { notes.push_back(absl::StrCat("+", path)); }
  void OnEnd(absl::string_view path) override { notes.push_back(absl::StrCat("-", path)); }
  void OnValue(absl::string_view path, absl::string_view key, absl::string_view text) override {
    notes.push_back(absl::StrCat(path, "|", key, "=", text));
  }
  std::vector<std::string> notes;
};

TEST(JsonWalkTest, TellsEachTextAtItsPath) {
  Notes notes;
  ASSERT_THAT(WalkJson(R"({"a": "x", "b": {"c.d": 1, "e": null}, "f": [{"g": true}, 7, "y"],
                          "h": -1.5, "i": []})",
                       notes),
              IsOk());
  EXPECT_THAT(notes.notes,
              ElementsAre("+", "|a=x", "+b", "b|c.d=1", "-b", "+f[]", "+f[]", "f[]|g=true", "-f[]",
                          "-f[]", "|h=-1.5", "+i[]", "-i[]", "-"));
}

TEST(JsonWalkTest, AListAtTheTopAndListsInLists) {
  Notes notes;
  ASSERT_THAT(WalkJson(R"([[{"a": 1}]])", notes), IsOk());
  EXPECT_THAT(notes.notes,
              ElementsAre("+[]", "+[][]", "+[][]", "[][]|a=1", "-[][]", "-[][]", "-[]"));
}

TEST(JsonWalkTest, RefusesWhatIsNoJson) {
  for (const char* const text : {"", "{", "{\"a\"", "[1,]", "x", "{\"a\": \"\xff\"}", "{} {}"}) {
    Notes notes;
    EXPECT_THAT(WalkJson(text, notes),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no JSON")))
        << text;
  }
}

// Neither the stack nor memory goes with the depth.
TEST(JsonWalkTest, PassesOverWhatIsNestedDeeply) {
  constexpr int kDepth = 1'000'000;
  std::string text;
  for (int i = 0; i < kDepth; ++i) text += "{\"a\":";
  text += "1";
  text += std::string(kDepth, '}');
  Notes notes;
  ASSERT_THAT(WalkJson(text, notes), IsOk());
  EXPECT_EQ(notes.notes.size(), 32u);
  Notes lists;
  ASSERT_THAT(WalkJson(absl::StrCat("{\"a\":", std::string(kDepth, '['), std::string(kDepth, ']'),
                                    ",\"b\":2}"),
                       lists),
              IsOk());
  EXPECT_THAT(lists.notes, ::testing::Contains("|b=2"));
}

}  // namespace
}  // namespace eldr

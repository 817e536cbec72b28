#include "server/page/query.h"

#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Optional;
using Code = absl::StatusCode;

TEST(QueryTest, ReadsWhatABrowserWrites) {
  const auto query = Query::Parse("model=openai%2Fgpt+oss%20%C3%A9&empty=&flag&&limit=7");
  ASSERT_THAT(query, IsOk());
  EXPECT_EQ(query->Text("model"), "openai/gpt oss \xc3\xa9");
  EXPECT_EQ(query->Text("empty"), "");
  EXPECT_EQ(query->Text("nothing"), "");
  EXPECT_THAT(*query->Number("limit", 1, 10), Optional(7u));
  EXPECT_EQ(*query->Number("nothing", 1, 10), std::nullopt);
  EXPECT_THAT(query->CheckKnown({"model", "empty", "flag", "limit"}), IsOk());
}

TEST(QueryTest, RefusesWhatIsMalformedTwiceOrTooMuch) {
  for (const char* const text : {"a=%", "a=%4", "a=%zz", "%=1", "a=%+1"}) {
    EXPECT_THAT(Query::Parse(text), StatusIs(Code::kInvalidArgument, HasSubstr("hexadecimal")))
        << text;
  }
  EXPECT_THAT(Query::Parse("a=1&a=2"), StatusIs(Code::kInvalidArgument, HasSubstr("only once")));
  std::string many;
  for (int i = 0; i < 17; ++i) many += "p" + std::to_string(i) + "=1&";
  EXPECT_THAT(Query::Parse(many), StatusIs(Code::kInvalidArgument, HasSubstr("at most 16")));
}

TEST(QueryTest, RefusesWhatIsNoNumberInRange) {
  for (const char* const number :
       {"", "0", "11", "-1", "+1", " 1", "1.5", "0x1", "1e1", "18446744073709551616"}) {
    const auto query = Query::Parse(std::string("n=") + (*number == '+' ? "%2B1" : number));
    ASSERT_THAT(query, IsOk());
    EXPECT_THAT(
        query->Number("n", 1, 10),
        StatusIs(Code::kInvalidArgument, AllOf(HasSubstr("n: got"), HasSubstr("from 1 to 10"))))
        << number;
  }
}

TEST(QueryTest, NamesAnUnknownParameterAndThoseThereAre) {
  const auto query = Query::Parse("modle=m");
  ASSERT_THAT(query, IsOk());
  EXPECT_THAT(query->CheckKnown({"model", "limit"}),
              StatusIs(Code::kInvalidArgument,
                       AllOf(HasSubstr("\"modle\""), HasSubstr("one of: limit, model"))));
  EXPECT_THAT(query->CheckKnown({}), StatusIs(Code::kInvalidArgument, HasSubstr("no parameter")));
  EXPECT_THAT(query->Required("model", "a name"),
              StatusIs(Code::kInvalidArgument, HasSubstr("model: got \"\", expected a name")));
}

TEST(QueryTest, AnErrorSaysFieldValueAndWhatWasExpected) {
  EXPECT_EQ(ErrorJson(RefuseField(Code::kNotFound, "model", "a\"b", "a declared model")),
            R"({"error":{"code":"NOT_FOUND","message":"model: got \"a\"b\", expected a declared )"
            R"(model","field":"model","value":"a\"b","expected":"a declared model"}})");
  EXPECT_EQ(ErrorJson(absl::InternalError("broken")),
            R"({"error":{"code":"INTERNAL","message":"broken"}})");
}

}  // namespace
}  // namespace eldr

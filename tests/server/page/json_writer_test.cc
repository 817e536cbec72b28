#include "server/page/json_writer.h"

#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "eldr/v1/history.pb.h"
#include "gmock/gmock.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(JsonWriterTest, PutsCommasBetweenWhatStandsSideBySide) {
  JsonWriter json;
  json.BeginObject().Field("a", 1).Field("b", true).Key("c").BeginArray();
  json.Value("x").BeginObject().End().BeginArray().Value(2u).Null().End().End();
  json.Field("d", std::optional<double>()).Field("e", std::optional<double>(0.5)).End();
  EXPECT_EQ(std::move(json).Take(), R"({"a":1,"b":true,"c":["x",{},[2,null]],"d":null,"e":0.5})");
}

TEST(JsonWriterTest, NumbersReadBackAsTheSame) {
  JsonWriter json;
  json.BeginArray().Value(0.1).Value(0.1f).Value(1764556800.25).Value(UINT64_MAX);
  json.Value(std::nan("")).Value(std::numeric_limits<double>::infinity()).End();
  EXPECT_EQ(std::move(json).Take(), "[0.1,0.1,1764556800.25,18446744073709551615,null,null]");
}

TEST(JsonWriterTest, NoTextBreaksOutOfItsString) {
  JsonWriter json;
  json.BeginArray().Value(std::string("\"\\\n\x01</script>\xff", 14)).End();
  EXPECT_EQ(std::move(json).Take(), "[\"\\\"\\\\\\u000a\\u0001</script>\xef\xbf\xbd\"]");
}

TEST(JsonWriterTest, MessagesKeepTheirNamesAndZerosAndLeaveOutWhatIsNotKnown) {
  v1::HistoryPoint point;
  point.set_kv_usage_max(0.5);
  const std::string json = ProtoJson(point);
  EXPECT_THAT(json, HasSubstr(R"("failed_placements":0)"));
  EXPECT_THAT(json, HasSubstr(R"("kv_usage_max":0.5)"));
  EXPECT_THAT(json, Not(HasSubstr("kv_usage_mean")));
  EXPECT_THAT(json, Not(HasSubstr("\n")));
}

}  // namespace
}  // namespace eldr

#include "server/picker/body_model.h"

#include <gtest/gtest.h>

namespace eldr::picker {
namespace {

TEST(BodyModelTest, FindsTheOutermostModel) {
  EXPECT_EQ(ModelOf(R"({"model":"m","stream":true})").value(), "m");
  EXPECT_EQ(ModelOf(R"({"a":{"model":"inner"},"model":"m"})").value(), "m");
  EXPECT_EQ(ModelOf(R"({"a":[{"model":"inner"}],"b":null,"model":"m"})").value(), "m");
}

TEST(BodyModelTest, SaysWhatIsWrong) {
  const struct {
    const char* body;
    const char* message;
  } cases[] = {
      {"", "not JSON"},
      {"{", "not JSON"},
      {R"({"model":"m"} x)", "not JSON"},
      {"[]", "not a JSON object"},
      {R"([{"model":"m"}])", "not a JSON object"},
      {"{}", "model: missing"},
      {R"({"model":1})", "model: missing"},
      {R"({"model":{"model":"m"}})", "model: missing"},
      {R"({"model":["m"]})", "model: missing"},
      {R"({"a":"model","b":"m"})", "model: missing"},
  };
  for (const auto& [body, message] : cases) {
    const auto model = ModelOf(body);
    ASSERT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument) << body;
    EXPECT_NE(model.status().message().find(message), absl::string_view::npos)
        << body << ": " << model.status();
  }
}

TEST(BodyModelTest, NestingCostsNothing) {
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  EXPECT_EQ(ModelOf("{\"a\":" + deep + ",\"model\":\"m\"}").value(), "m");
}

}  // namespace
}  // namespace eldr::picker

#include "client/engines/response_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/client/engines/engine_samples.h"
#include "tests/support/invalid_argument.h"
#include "tests/support/status_matchers.h"

namespace eldr::engines {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Two layers of four experts, top-1. Ids of three tokens: those of two of the prompt, one of
// decode.
const Geometry kGeometry{2, 4, 1, {}};
const std::vector<std::int64_t> kIds = {0, 1, 2, 1, 3, 3};

std::string Npy() { return Base64(NpySample("|u1", "3, 2, 1", Packed<std::uint8_t>(kIds))); }
std::string Int32() { return Base64(Packed<std::int32_t>(kIds)); }

absl::StatusOr<EngineResponse> Parse(const std::string& body, std::size_t choice = 0) {
  return ParseResponse(body, {kGeometry, choice});
}

TEST(ResponseBodyTest, ReadsVllmCompletions) {
  const auto response = Parse(VllmBody(VllmChoice(0, Quoted(Npy())), 2));
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->form, EngineForm::kVllmNpy);
  EXPECT_EQ(response->prompt_tokens, 2u);
  EXPECT_THAT(response->routed.ids, ElementsAre(0, 1, 2, 1, 3, 3));
}

TEST(ResponseBodyTest, ReadsVllmChats) {
  const auto response = Parse(absl::StrCat(
      R"({"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"message":)"
      R"({"role":"assistant","content":"[{\"routed_experts\":1}]","tool_calls":[]},)"
      R"("routed_experts":")",
      Npy(), R"("}],"usage":{"prompt_tokens":2}})"));
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->routed.tokens, 3u);
}

TEST(ResponseBodyTest, CountsThePromptAndLeavesOutDecode) {
  const auto response = Parse(VllmBody(VllmChoice(0, Quoted(Npy())), 2));
  ASSERT_THAT(response, IsOk());
  auto counts = CountPrompt(*response, 4);
  ASSERT_THAT(counts, IsOk());
  EXPECT_EQ(counts->tokens, 2u);
  EXPECT_THAT(counts->counts, ElementsAre(1, 0, 1, 0, 0, 2, 0, 0));
  // A prefill call returns the prompt's rows, or fewer, and nothing else.
  counts = CountPrompt(*Parse(VllmBody(VllmChoice(0, Quoted(Npy())), 100)), 4);
  EXPECT_EQ(counts->tokens, 3u);
}

TEST(ResponseBodyTest, TakesTheChoiceThatIsAskedFor) {
  const std::string other = Base64(NpySample("|u1", "1, 2, 1", "\3\3"));
  const std::string body =
      VllmBody(absl::StrCat(VllmChoice(0, Quoted(other)), ",", VllmChoice(1, Quoted(Npy()))), 2);
  EXPECT_EQ(Parse(body)->routed.tokens, 1u);
  const auto response = Parse(body, 1);
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->routed.tokens, 3u);
  // Of several prompts it would be the sum.
  EXPECT_EQ(response->prompt_tokens, std::nullopt);
  EXPECT_THAT(Parse(body, 2), StatusIs(kInvalid, HasSubstr("answer 2; it has 2 answers")));
}

TEST(ResponseBodyTest, ReadsListsOfVllm021) {
  const auto response = Parse(VllmBody(VllmChoice(0, "[[[0],[1]],[[2],[1]],[[3],[3]]]"), 2));
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->form, EngineForm::kVllmLists);
  EXPECT_THAT(response->routed.ids, ElementsAre(0, 1, 2, 1, 3, 3));
}

TEST(ResponseBodyTest, PutsThePromptsListsBeforeThoseOfDecode) {
  const std::string prompt = R"("prompt_routed_experts":[[[0],[1]],[[2],[1]]])";
  const std::string choices = R"("choices":[{"routed_experts":[[[3],[3]]]}])";
  for (const std::string& body : {absl::StrCat("{", prompt, ",", choices, "}"),
                                  absl::StrCat("{", choices, ",", prompt, "}")}) {
    const auto response = Parse(body);
    ASSERT_THAT(response, IsOk());
    EXPECT_EQ(response->prompt_tokens, 2u);
    EXPECT_THAT(response->routed.ids, ElementsAre(0, 1, 2, 1, 3, 3));
  }
  const auto prompt_only = Parse(absl::StrCat("{", prompt, R"(,"choices":[{"text":""}]})"));
  ASSERT_THAT(prompt_only, IsOk());
  EXPECT_EQ(prompt_only->routed.tokens, 2u);
}

TEST(ResponseBodyTest, ReadsSglangObjectsAndLists) {
  const std::string one = absl::StrCat(R"({"text":"x","meta_info":{"id":"a","prompt_tokens":2,)",
                                       R"("routed_experts":")", Int32(), R"("}})");
  const auto object = Parse(one);
  ASSERT_THAT(object, IsOk());
  EXPECT_EQ(object->form, EngineForm::kSglangInt32);
  EXPECT_EQ(object->prompt_tokens, 2u);
  EXPECT_THAT(object->routed.ids, ElementsAre(0, 1, 2, 1, 3, 3));
  const std::string empty = R"({"text":"","meta_info":{"routed_experts":null}})";
  const auto element = Parse(absl::StrCat("[", empty, ",", one, "]"), 1);
  ASSERT_THAT(element, IsOk());
  EXPECT_EQ(element->prompt_tokens, 2u);
  EXPECT_THAT(Parse(absl::StrCat("[", empty, ",", one, "]"), 0),
              StatusIs(kInvalid, HasSubstr("they are null")));
}

TEST(ResponseBodyTest, ReadsSglangBehindTheOpenAiEndpoints) {
  const auto response = Parse(absl::StrCat(R"({"choices":[{"sgl_ext":{"routed_experts":")", Int32(),
                                           R"("}}],"usage":{"prompt_tokens":2}})"));
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->form, EngineForm::kSglangInt32);
  EXPECT_EQ(response->prompt_tokens, 2u);
}

TEST(ResponseBodyTest, ReadsCountsOfTheReference) {
  const auto response = Parse(absl::StrCat(
      R"({"choices":[{"text":"x"}],"kv_transfer_params":{"remote_port":5,"eldr_sig":")",
      Base64(Packed<std::int16_t>({2, 0, 1, 0, 1, 1, 1, 0})), R"("}})"));
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->form, EngineForm::kReferenceCounts);
  const auto counts = CountPrompt(*response, 4);
  ASSERT_THAT(counts, IsOk());
  EXPECT_EQ(counts->tokens, 3u);
}

struct BadBody {
  std::string body;
  const char* message;
};

TEST(ResponseBodyTest, RefusesBodiesWithoutUsableExperts) {
  const auto lists = [](const std::string& experts) {
    return absl::StrCat(R"({"choices":[{"routed_experts":)", experts, "}]}");
  };
  const BadBody cases[] = {
      {"", "no JSON"},
      {"routed_experts", "no JSON"},
      {"{} {}", "no JSON"},
      {"\xff\xfe", "no JSON"},
      {"null", "no routed experts"},
      {"{}", "no routed experts of answer 0; it has 0 answers"},
      {R"({"error":{"message":"no such model"}})", "no routed experts"},
      {lists("null"), "they are null"},
      {lists("7"), "routed_experts is the number 7"},
      {lists("true"), "routed_experts is a boolean"},
      {lists("{}"), "routed_experts is an object"},
      {R"({"meta_info":{"routed_experts":[[[0],[1]]]}})", "is a list, expected a string"},
      {lists("\"AAAA\""), "vLLM .npy: magic"},
      {lists("\"A*AA\""), "vLLM .npy: base64: character \"*\" at 1"},
      {lists("[]"), "an empty list"},
      {lists("[[]]"), "routed experts[0]: 0 layers"},
      {lists("[[[]]]"), "routed experts[0][0]: 0 ids"},
      {lists("[[[0],[1]],[[0]]]"), "routed experts[1]: 1 layers"},
      {lists("[[[0],[1,2]]]"), "routed experts[0][1]: 2 ids"},
      {lists("[[0,1]]"), "routed experts[0]: number 0, expected a list"},
      {lists("[[[[0]]]]"), "routed experts[0][0]: a list, expected an expert id"},
      {lists("[[[0.5],[1]]]"), "number 0.5"},
      {lists("[[[\"0\"],[1]]]"), "a string, expected a list or an expert id"},
      {lists("[[[0],[null]]]"), "null, expected"},
      {lists("[[[0],[{}]]]"), "an object, expected"},
      {lists("[[[0],[4]]]"), "token 0, row 1, choice 0: expert id 4, expected 0 to 3"},
      {lists("[[[0],[-1]]]"), "expert id -1"},
      {lists("[[[0],[18446744073709551615]]]"), "expected one of 32 bits"},
      {R"({"meta_info":{"routed_experts":"AAAAAA==","prompt_tokens":0}})", "prompt_tokens is 0"},
      {R"({"meta_info":{"routed_experts":"AAAAAA=="},"choices":[{"routed_experts":"AA=="}]})",
       "twice, as SGLang int32 and as vLLM .npy"},
      {R"({"choices":[{"routed_experts":[[[0],[1]]],"routed_experts":[[[0],[1]]]}]})", "twice"},
  };
  for (const BadBody& bad : cases) {
    EXPECT_THAT(Parse(bad.body), StatusIs(kInvalid, HasSubstr(bad.message))) << bad.body;
  }
}

// Nesting that would overflow the stack of a recursive parser, or a tree of nodes.
TEST(ResponseBodyTest, RefusesDeepNesting) {
  const std::string deep(5'000'000, '[');
  EXPECT_THAT(Parse(deep), StatusIs(kInvalid, HasSubstr("nested deeper than 64")));
  EXPECT_THAT(Parse(absl::StrCat(R"({"choices":[{"routed_experts":)", deep)),
              StatusIs(kInvalid, HasSubstr("[tokens][layers][top_k]")));
  std::string objects;
  for (int i = 0; i < 100; ++i) objects += R"({"a":)";
  EXPECT_THAT(Parse(objects), StatusIs(kInvalid, HasSubstr("nested deeper than 64")));
}

TEST(ResponseBodyTest, ShowsLittleOfALargeBrokenBody) {
  const auto response = Parse(absl::StrCat("{\"a\":\"", std::string(1'000'000, 'x')));
  EXPECT_THAT(response, StatusIs(kInvalid, HasSubstr("no JSON")));
  EXPECT_LT(response.status().message().size(), 1000u);
}

TEST(ResponseBodyTest, RefusesEveryPrefixOfABody) {
  const std::string body = VllmBody(VllmChoice(0, Quoted(Npy())), 2);
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_THAT(Parse(body.substr(0, size)), StatusIs(kInvalid)) << "of " << size << " bytes";
  }
}

}  // namespace
}  // namespace eldr::engines

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

using ::testing::AllOf;
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

absl::StatusOr<EngineResponse> ParsePrompt(const std::string& body, std::uint32_t start_len = 0) {
  return ParseResponse(
      body, {.geometry = kGeometry, .rows = ResponseRows::kPrompt, .start_len = start_len});
}

absl::StatusOr<EngineResponse> ParseRows(const std::string& body, const RowRange& range) {
  return ParseResponse(body, {.geometry = kGeometry, .rows = ResponseRows::kRange, .range = range});
}

// What SGLang returns of these ids; `counts` are further members of meta_info, each with a comma.
std::string SglangBody(const std::vector<std::int64_t>& ids, const std::string& counts) {
  return absl::StrCat(R"({"text":"x","meta_info":{"id":"a",)", counts, R"("routed_experts":")",
                      Base64(Packed<std::int32_t>(ids)), R"("}})");
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

// Two tokens of the prompt, then one of decode whose row was not captured.
TEST(ResponseBodyTest, RowsThatAreNotAskedForMayHoldAnything) {
  for (const std::int64_t pad : {-1, 9}) {
    const std::vector<std::int64_t> ids = {0, 1, 2, 1, pad, pad};
    const std::string lists = absl::StrCat("[[[0],[1]],[[2],[1]],[[", pad, "],[", pad, "]]]");
    const std::string prompt_lists = absl::StrCat(
        R"({"prompt_routed_experts":[[[0],[1]],[[2],[1]]],"choices":[{"routed_experts":[[[)", pad,
        "],[", pad, "]]]}]}");
    for (const std::string& body :
         {SglangBody(ids, R"("prompt_tokens":2,"completion_tokens":2,)"),
          VllmBody(
              VllmChoice(0, Quoted(Base64(NpySample("<i4", "3, 2, 1", Packed<std::int32_t>(ids))))),
              2),
          VllmBody(VllmChoice(0, lists), 2), prompt_lists}) {
      SCOPED_TRACE(body);
      EXPECT_THAT(Parse(body), StatusIs(kInvalid, HasSubstr(absl::StrCat("expert id ", pad))));
      const auto prompt = ParsePrompt(body);
      ASSERT_THAT(prompt, IsOk());
      EXPECT_THAT(prompt->routed.ids, ElementsAre(0, 1, 2, 1));
      EXPECT_EQ(CountPrompt(*prompt, 4)->tokens, 2u);
      const auto range = ParseRows(body, {1, 2});
      ASSERT_THAT(range, IsOk());
      EXPECT_THAT(range->routed.ids, ElementsAre(2, 1));
      EXPECT_THAT(ParseRows(body, {1, 3}), StatusIs(kInvalid, HasSubstr("expert id")));
      EXPECT_THAT(ParseRows(body, {1, 4}),
                  StatusIs(kInvalid, HasSubstr("rows 1:4, expected A < B within its 3 tokens")));
    }
  }
}

TEST(ResponseBodyTest, ReadsARangeAcrossPromptAndDecodeLists) {
  const std::string body =
      R"({"prompt_routed_experts":[[[0],[1]],[[2],[1]]],"choices":[{"routed_experts":[[[3],[3]]]}]})";
  EXPECT_THAT(ParseRows(body, {1, 3})->routed.ids, ElementsAre(2, 1, 3, 3));
  EXPECT_THAT(ParseRows(body, {2, std::nullopt})->routed.ids, ElementsAre(3, 3));
}

TEST(ResponseBodyTest, TheCompletionTellsWhereThePromptEnds) {
  const auto response = ParsePrompt(SglangBody(kIds, R"("completion_tokens":2,)"));
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->prompt_tokens, 2u);
  EXPECT_EQ(response->routed.tokens, 2u);
  // The last token was never an input.
  EXPECT_EQ(ParsePrompt(SglangBody(kIds, R"("completion_tokens":1,)"))->routed.tokens, 3u);
  EXPECT_EQ(ParsePrompt(SglangBody(kIds, R"("completion_tokens":0,)"))->routed.tokens, 3u);
  EXPECT_THAT(ParsePrompt(SglangBody(kIds, R"("completion_tokens":4,)")),
              StatusIs(kInvalid, HasSubstr("3 rows, expected more than the 3 of decode")));
}

TEST(ResponseBodyTest, MissingRowsAreNotTakenForThoseOfThePrompt) {
  const std::string body =
      VllmBody(VllmChoice(0, Quoted(Npy())), 9);  // with one token of completion
  EXPECT_EQ(ParsePrompt(body)->routed.tokens, 3u) << "of the prompt, as decode has no row";
  const std::string generated =
      absl::StrReplaceAll(body, {{"\"completion_tokens\":1", "\"completion_tokens\":3"}});
  EXPECT_THAT(ParsePrompt(generated),
              StatusIs(kInvalid, HasSubstr("3 rows, expected 11 by prompt_tokens 9 + "
                                           "completion_tokens 3 - 1")));
  EXPECT_THAT(ParseRows(generated, {0, 1}), IsOk());
  const auto rest = ParsePrompt(generated, 8);
  ASSERT_THAT(rest, IsOk());
  EXPECT_EQ(rest->routed.tokens, 1u);
  EXPECT_EQ(rest->prompt_tokens, 9u);
  EXPECT_THAT(ParsePrompt(generated, 9),
              StatusIs(kInvalid, HasSubstr("start_len is 9, expected less than prompt_tokens, 9")));
}

// Bytes that divide into rows of another number of layers would become a signature, shifted.
TEST(ResponseBodyTest, RawRowsMustBeAsManyAsTheBodyTells) {
  const std::string exact = R"("prompt_tokens":2,"completion_tokens":2,)";
  EXPECT_THAT(ParsePrompt(SglangBody(kIds, exact)), IsOk());
  // Six tokens of one row each, which are three of two.
  EXPECT_THAT(ParsePrompt(SglangBody(kIds, R"("prompt_tokens":5,"completion_tokens":2,)")),
              StatusIs(kInvalid, AllOf(HasSubstr("of 3 tokens with 2 hidden layers and top_k 1, "
                                                 "expected 6 by prompt_tokens 5 + "
                                                 "completion_tokens 2 - 1"),
                                       HasSubstr("the body has 1 rows per token"))));
  // Two tokens of three rows each.
  for (const bool ranged : {false, true}) {
    const std::string body = SglangBody(kIds, R"("prompt_tokens":2,"completion_tokens":1,)");
    EXPECT_THAT(ranged ? ParseRows(body, {0, 1}) : ParsePrompt(body),
                StatusIs(kInvalid, HasSubstr("the body has 3 rows per token")));
  }
  EXPECT_THAT(ParsePrompt(SglangBody({0, 1, 2}, R"("prompt_tokens":1,"completion_tokens":1,)")),
              StatusIs(kInvalid, AllOf(HasSubstr("12 bytes of raw int32, expected tokens x 2"),
                                       HasSubstr("the body has 3 rows per token"))));
  // Without the completion there must be the prompt's rows at least.
  EXPECT_THAT(ParsePrompt(SglangBody(kIds, R"("prompt_tokens":3,)")), IsOk());
  EXPECT_THAT(ParsePrompt(SglangBody(kIds, R"("prompt_tokens":4,)")),
              StatusIs(kInvalid, AllOf(HasSubstr("expected at least 4 by prompt_tokens 4"),
                                       HasSubstr("--start-len"))));
  EXPECT_EQ(ParsePrompt(SglangBody(kIds, R"("prompt_tokens":4,)"), 1)->routed.tokens, 3u);
  // Nothing was generated: the prompt's last token has a row or not, by the engine.
  EXPECT_THAT(ParsePrompt(SglangBody(kIds, R"("prompt_tokens":3,"completion_tokens":0,)")), IsOk());
  EXPECT_THAT(ParsePrompt(SglangBody(kIds, R"("prompt_tokens":4,"completion_tokens":0,)")), IsOk());
  EXPECT_THAT(ParsePrompt(SglangBody(kIds, R"("prompt_tokens":5,"completion_tokens":0,)")),
              StatusIs(kInvalid, HasSubstr("expected 4 to 5")));
  // A batch's usage is a sum and says nothing of one of its choices.
  EXPECT_THAT(ParsePrompt(absl::StrCat(R"({"choices":[{"sgl_ext":{"routed_experts":")", Int32(),
                                       R"("}},{}],"usage":{"prompt_tokens":50}})")),
              IsOk());
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
      {lists("{}"), "routed_experts is an object, expected a string, base64 of .npy"},
      {lists("1.5"), "routed_experts is number 1.5"},
      {R"({"prompt_routed_experts":{}})", "prompt_routed_experts is an object, expected lists"},
      {R"({"prompt_routed_experts":"AA=="})", "prompt_routed_experts is a string"},
      {R"({"kv_transfer_params":{"eldr_sig":[]}})", "eldr_sig is a list, expected a string: int16"},
      {R"({"usage":{"prompt_tokens":2.5}})", "prompt_tokens is number 2.5, expected a whole"},
      {R"({"usage":{"completion_tokens":"2"}})", "completion_tokens is a string, expected a whole"},
      {R"({"usage":{"completion_tokens":-1}})", "completion_tokens is -1, expected 0 to"},
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
    EXPECT_THAT(Parse(bad.body),
                StatusIs(kInvalid, AllOf(HasSubstr(bad.message), HasSubstr("expected"))))
        << bad.body;
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

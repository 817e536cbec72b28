// Command lines that push signatures and tell of blocks.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <sstream>
#include <string>

#include "tests/client/eldrctl_fixture.h"
#include "tests/client/temp_file.h"

namespace eldr::ctl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST_F(EldrctlTest, PushesRawCountsAsTheyAre) {
  Answer(daemon_.placement.push_signature, v1::PushSignatureResponse());
  const TempFile raw("abc");  // no two-byte counts: for the daemon to refuse
  EXPECT_EQ(
      Run({"push-signature", "r1", "--model", "m", "--raw", raw.path(), "--encoding", "uint16",
           "--tokens", "9", "--append", "--append-at", "64", "--prefill-worker", "p0"}),
      kExitOk);
  const v1::PushSignatureRequest sent = daemon_.placement.push_signature.requests().at(0);
  EXPECT_EQ(sent.signature().dense().data(), "abc");
  EXPECT_EQ(sent.signature().dense().encoding(), v1::COUNT_ENCODING_UINT16);
  EXPECT_TRUE(sent.append());
  EXPECT_EQ(sent.append_at(), 64u);
  EXPECT_EQ(sent.prefill_worker(), "p0");
}

TEST_F(EldrctlTest, CountsRoutedExpertsByTheModelsGeometry) {
  AnswerGeometry(1, 4, 2);
  Answer(daemon_.placement.push_signature, v1::PushSignatureResponse());
  const TempFile npy(NpyBytes("|u1", "3, 1, 2", std::string("\0\1\1\2\2\3", 6)), ".npy");
  EXPECT_EQ(Run({"push-signature", "r1", "--model", "m", "--routed-experts", npy.path(), "--rows",
                 "1:3"}),
            kExitOk);
  const v1::ExpertSignature sent = daemon_.placement.push_signature.requests().at(0).signature();
  EXPECT_EQ(sent.tokens(), 2u);
  EXPECT_EQ(sent.dense().data(), std::string("\0\1\2\1", 4));
  EXPECT_EQ(Run({"push-signature", "r1", "--model", "m", "--routed-experts", npy.path(), "--rows",
                 "1:9"}),
            kExitCallFailed);
  EXPECT_THAT(err(), HasSubstr("rows 1:9"));
}

TEST_F(EldrctlTest, TellsOfBlocks) {
  v1::UpdateBlocksResponse response;
  response.set_blocks(7);
  response.set_bytes(4096);
  response.set_evicted(2);
  Answer(daemon_.placement.update_blocks, response);
  EXPECT_EQ(Run({"update-blocks", "p0", "--model", "m", "--cleared", "--removed", "00ff,AB",
                 "--stored", "9f31", "--sparse", "0:1,3:1", "--tokens", "1"}),
            kExitOk);
  EXPECT_EQ(out(), "7 blocks of p0 are known, 4096 bytes in the model's store; 2 were evicted\n");
  const v1::UpdateBlocksRequest sent = daemon_.placement.update_blocks.requests().at(0);
  EXPECT_EQ(sent.model(), "m");
  EXPECT_EQ(sent.prefill_worker(), "p0");
  EXPECT_TRUE(sent.cleared());
  EXPECT_THAT(sent.removed(), ElementsAre(std::string("\0\xff", 2), "\xab"));
  ASSERT_THAT(sent.stored(), SizeIs(1));
  EXPECT_EQ(sent.stored(0).hash(), "\x9f\x31");
  EXPECT_EQ(sent.stored(0).signature().tokens(), 1u);
  EXPECT_EQ(Run({"update-blocks", "p0", "--model", "m", "--format", "json"}), kExitOk);
  EXPECT_THAT(out(), HasSubstr("\"evicted\": \"2\""));
  for (const char* hash : {"abc", "xy"}) {
    EXPECT_EQ(Run({"update-blocks", "p0", "--model", "m", "--removed", hash}), kExitCallFailed);
    EXPECT_THAT(err(), HasSubstr("is no hash, expected hexadecimal digits"));
  }
}

TEST_F(EldrctlTest, PushesAndPlacesByBlocks) {
  Answer(daemon_.placement.push_signature, v1::PushSignatureResponse());
  EXPECT_EQ(Run({"push-signature", "r1", "--model", "m", "--blocks", "ab,cd", "--prompt-tokens",
                 "9", "--prefill-worker", "p0"}),
            kExitOk);
  const v1::PushSignatureRequest pushed = daemon_.placement.push_signature.requests().at(0);
  EXPECT_FALSE(pushed.has_signature());
  EXPECT_THAT(pushed.blocks().hashes(), ElementsAre("\xab", "\xcd"));
  EXPECT_EQ(pushed.blocks().prompt_tokens(), 9u);

  v1::PlaceResponse response;
  response.set_signature_coverage(0.25);
  Answer(daemon_.placement.place, response);
  EXPECT_EQ(Run({"place", "r1", "--model", "m", "--blocks", "ab", "--prompt-tokens", "9",
                 "--prefill-worker", "p0", "--sparse", "0:1", "--tokens", "1"}),
            kExitOk);
  EXPECT_THAT(out(), HasSubstr("signature_coverage   0.250\n"));
  const v1::PlaceRequest placed = daemon_.placement.place.requests().at(0);
  EXPECT_EQ(placed.prefill_worker(), "p0");
  EXPECT_EQ(placed.signature().tokens(), 1u);
  EXPECT_THAT(placed.blocks().hashes(), ElementsAre("\xab"));
}

TEST_F(EldrctlTest, CountsThePromptOfAResponse) {
  AnswerGeometry(1, 4, 2, {1});
  Answer(daemon_.placement.push_signature, v1::PushSignatureResponse());
  // Hidden layer 0 is dense. Two tokens of the prompt, one of decode.
  const TempFile body(
      R"({"choices":[{"routed_experts":[[[0,0],[0,1]],[[0,0],[1,2]],[[0,0],[2,3]]]}],)"
      R"("usage":{"prompt_tokens":2}})");
  EXPECT_EQ(Run({"push-signature", "r1", "--model", "m", "--response", body.path()}), kExitOk);
  v1::ExpertSignature sent = daemon_.placement.push_signature.requests().at(0).signature();
  EXPECT_EQ(sent.tokens(), 2u);
  EXPECT_EQ(sent.prompt_tokens(), 2u);
  EXPECT_EQ(sent.dense().data(), std::string("\1\2\1\0", 4));

  EXPECT_EQ(
      Run({"push-signature", "r1", "--model", "m", "--response", body.path(), "--rows", "2:"}),
      kExitOk);
  sent = daemon_.placement.push_signature.requests().at(1).signature();
  EXPECT_EQ(sent.tokens(), 1u);

  EXPECT_EQ(
      Run({"push-signature", "r1", "--model", "m", "--response", body.path(), "--choice", "1"}),
      kExitCallFailed);
  EXPECT_THAT(err(), AllOf(HasSubstr(body.path()), HasSubstr("answer 1; it has 1 answers")));
}

TEST_F(EldrctlTest, ReadsAResponseFromStandardInput) {
  AnswerGeometry(1, 4, 1);
  Answer(daemon_.placement.push_signature, v1::PushSignatureResponse());
  std::istringstream body(R"({"choices":[{"routed_experts":[[[3]],[[1]]]}]})");
  std::streambuf* const real = std::cin.rdbuf(body.rdbuf());
  const int exit_code = Run({"push-signature", "r1", "--model", "m", "--response", "-"});
  std::cin.rdbuf(real);
  EXPECT_EQ(exit_code, kExitOk);
  EXPECT_EQ(daemon_.placement.push_signature.requests().at(0).signature().tokens(), 2u);
}

TEST_F(EldrctlTest, TakesRowsOnlyOfWhatHasRows) {
  EXPECT_EQ(Run({"push-signature", "r1", "--model", "m", "--sparse", "0:1", "--tokens", "1",
                 "--rows", "0:1"}),
            kExitUsage);
}

TEST_F(EldrctlTest, PaddedRowsOfDecodeDoNotMatter) {
  AnswerGeometry(1, 4, 2);
  Answer(daemon_.placement.push_signature, v1::PushSignatureResponse());
  const TempFile body(R"({"choices":[{"routed_experts":[[[0,1]],[[1,2]],[[-1,-1]]]}],)"
                      R"("usage":{"prompt_tokens":2,"completion_tokens":2}})");
  for (const char* rows : {"", "0:2"}) {
    EXPECT_EQ(
        Run({"push-signature", "r1", "--model", "m", "--response", body.path(), "--rows", rows}),
        kExitOk)
        << err();
    EXPECT_EQ(daemon_.placement.push_signature.requests().back().signature().tokens(), 2u);
  }
  EXPECT_EQ(
      Run({"push-signature", "r1", "--model", "m", "--response", body.path(), "--rows", "2:"}),
      kExitCallFailed);
  EXPECT_THAT(err(), HasSubstr("expert id -1, expected 0 to 3"));
  EXPECT_EQ(
      Run({"push-signature", "r1", "--model", "m", "--response", body.path(), "--start-len", "1"}),
      kExitOk);
  EXPECT_EQ(daemon_.placement.push_signature.requests().back().signature().tokens(), 1u);
}

}  // namespace
}  // namespace eldr::ctl

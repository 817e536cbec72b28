#include "core/profile/profile_file.h"

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/profile/vectors.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kCountIdf =
    R"({"L":3,"e":2,"variant":"count_idf","k":2,"layer_mask":[0,2],"sig_dtype":"<i2",)"
    R"("sig_idf":[0,0.5,1.25,2],"model":"synthetic","centroids":[[1,0,0,0],[0,0.6,0,0.8]],)"
    R"("seed":7,"nested":{"a":[1,null]}})";
constexpr const char* kCount = R"({"L":1,"e":2,"centroids":[[0.6,0.8]]})";
constexpr const char* kGateProb =
    R"({"L":2,"e":2,"variant":"gate_prob_all","layer_mask":[1],"sig_dtype":"<f4",)"
    R"("centroids":[[1,0]]})";

// `text` with one part replaced; the part must be there.
std::string With(const std::string& text, const std::string& part, const std::string& by) {
  EXPECT_NE(text.find(part), std::string::npos) << part;
  return absl::StrReplaceAll(text, {{part, by}});
}

TEST(ProfileFileTest, ReadsAllParts) {
  const auto profile = ParseProfile(kCountIdf);
  ASSERT_THAT(profile, IsOk());
  EXPECT_EQ(profile->transform.variant, SignatureVariant::kCountIdf);
  EXPECT_EQ(profile->transform.layers, 3u);
  EXPECT_EQ(profile->transform.experts, 2u);
  EXPECT_THAT(profile->transform.layer_mask, ElementsAre(0, 2));
  EXPECT_THAT(profile->transform.idf, ElementsAre(0, 0.5f, 1.25f, 2));
  ASSERT_EQ(profile->centroids.size(), 2u);
  EXPECT_THAT(Row(profile->centroids, 1), ElementsAre(0, 0.6f, 0, 0.8f));
}

TEST(ProfileFileTest, KnowsWhatIsMeantByWhatIsNotSaid) {
  const auto profile = ParseProfile(kCount);
  ASSERT_THAT(profile, IsOk());
  EXPECT_EQ(profile->transform, CountTransform(1, 2));
  EXPECT_EQ(profile->other_keys, "");
  EXPECT_THAT(ParseProfile(kGateProb), IsOk());
  // The older name of the centroids, and keys that say that there is nothing to say.
  EXPECT_THAT(ParseProfile(With(kCount, "centroids", "micro_centroids")), IsOk());
  EXPECT_THAT(
      ParseProfile(With(kCount, "\"L\"",
                        R"("sig_mean":null,"sig_per_layer_norm":false,"sig_idf":null,"L")")),
      IsOk());
}

TEST(ProfileFileTest, RoundTripsAndKeepsOtherKeys) {
  for (const char* text : {kCountIdf, kCount, kGateProb}) {
    const auto profile = ParseProfile(text);
    ASSERT_THAT(profile, IsOk());
    const std::string written = FormatProfile(*profile);
    const auto again = ParseProfile(written);
    ASSERT_THAT(again, IsOk());
    EXPECT_EQ(*again, *profile);
    EXPECT_EQ(FormatProfile(*again), written);
  }
  const std::string written = FormatProfile(*ParseProfile(kCountIdf));
  EXPECT_THAT(written, HasSubstr(R"("model":"synthetic")"));
  EXPECT_THAT(written, HasSubstr(R"("seed":7)"));
  EXPECT_THAT(written, HasSubstr(R"("nested":{"a":[1,null]})"));
}

struct Refusal {
  const char* key;  // that the error is to name, with a word on what is wrong
  const char* word;
  std::string text;
};

TEST(ProfileFileTest, RefusesAnythingInconsistentAndNamesTheKey) {
  const std::string idf = kCountIdf, count = kCount, gate = kGateProb;
  const Refusal refusals[] = {
      {"L", "not given", With(count, "\"L\":1,", "")},
      {"L", "whole number", With(count, "\"L\":1", "\"L\":\"1\"")},
      {"L", "whole number", With(count, "\"L\":1", "\"L\":1.0")},
      {"L", "whole number", With(count, "\"L\":1", "\"L\":true")},
      {"L", "whole number", With(count, "\"L\":1", "\"L\":-1")},
      {"L", "1 to 1024", With(count, "\"L\":1", "\"L\":0")},
      {"L", "at most", With(count, "\"L\":1", "\"L\":4000000000")},
      {"e", "not given", With(count, "\"e\":2,", "")},
      {"e", "1 to 4096", With(count, "\"e\":2", "\"e\":0")},
      {"variant", "expected count", With(idf, "\"count_idf\"", "\"counts\"")},
      {"variant", "expected count", With(idf, "\"count_idf\"", "3")},
      {"k", "expected 2", With(idf, "\"k\":2", "\"k\":3")},
      {"k", "whole number", With(idf, "\"k\":2", "\"k\":\"2\"")},
      {"layer_mask", "not given", With(idf, "\"layer_mask\":[0,2],", "")},
      {"layer_mask", "not given", With(gate, "\"layer_mask\":[1],", "")},
      {"layer_mask", "is empty", With(idf, "[0,2]", "[]")},
      {"layer_mask", "list of layers", With(idf, "[0,2]", "2")},
      {"layer_mask[1]", "ascending", With(idf, "[0,2]", "[2,0]")},
      {"layer_mask[1]", "distinct", With(idf, "[0,2]", "[2,2]")},
      {"layer_mask[1]", "less than 3", With(idf, "[0,2]", "[0,3]")},
      {"layer_mask[0]", "whole number", With(idf, "[0,2]", "[-1,2]")},
      {"layer_mask", "all 2", With(count, "\"L\":1", "\"L\":2,\"layer_mask\":[1]")},
      {"sig_idf", "expected 4", With(idf, "\"sig_idf\":[0,0.5,1.25,2],", "")},
      {"sig_idf", "expected 4", With(idf, "[0,0.5,1.25,2]", "[0,0.5,1.25]")},
      {"sig_idf[1]", "at least 0", With(idf, "0.5,1.25", "-0.5,1.25")},
      {"sig_idf[1]", "finite", With(idf, "0.5,1.25", "1e300,1.25")},
      {"sig_idf[1]", "finite", With(idf, "0.5,1.25", "null,1.25")},
      {"sig_idf", "all weights are 0", With(idf, "[0,0.5,1.25,2]", "[0,0,0,0]")},
      {"sig_idf", "expected none", With(count, "\"L\"", "\"sig_idf\":[1,1],\"L\"")},
      {"sig_idf", "expected none", With(gate, "\"L\"", "\"sig_idf\":[1,1],\"L\"")},
      {"sig_idf", "list of numbers", With(idf, "[0,0.5,1.25,2]", "{}")},
      {"centroids", "not given", With(count, "centroids", "centroid")},
      {"centroids", "is empty", With(count, "[[0.6,0.8]]", "[]")},
      {"centroids", "list of rows", With(count, "[[0.6,0.8]]", "7")},
      {"centroids[0]", "list of numbers", With(count, "[[0.6,0.8]]", "[7]")},
      {"centroids[0][1]", "finite", With(count, "0.8", "\"0.8\"")},
      {"centroids[0]", "norm", With(count, "0.8", "0.803")},
      {"centroids", "expected 2", With(count, "[0.6,0.8]", "[1,0,0]")},
      {"centroids[1]", "expected 4", With(idf, "[0,0.6,0,0.8]", "[0,0.6,0.8]")},
      {"micro_centroids", "differs", With(count, "\"L\"", "\"micro_centroids\":[[1,0]],\"L\"")},
      {"micro_centroids[0]", "norm",
       With(With(count, "0.8", "0.9"), "centroids", "micro_centroids")},
      {"sig_dtype", "<i2", With(idf, "<i2", "<f4")},
      {"sig_dtype", "<f4", With(gate, "<f4", "<i2")},
      {"sig_dtype", "<f4", With(gate, "\"sig_dtype\":\"<f4\",", "")},
      {"sig_mean", "not supported", With(count, "\"L\"", "\"sig_mean\":[0,0],\"L\"")},
      {"sig_per_layer_norm", "not supported",
       With(count, "\"L\"", "\"sig_per_layer_norm\":true,\"L\"")},
      {"profile", "JSON object", "[1]"},
      {"profile", "parse error", "{\"L\":1"},
      {"profile", "parse error", ""},
      {"profile", "1e999", With(count, "0.8", "1e999")},
  };
  for (const Refusal& refusal : refusals) {
    SCOPED_TRACE(refusal.text);
    EXPECT_THAT(ParseProfile(refusal.text),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         ::testing::AllOf(StartsWith(absl::StrCat(refusal.key, ":")),
                                          HasSubstr(refusal.word))));
  }
}

TEST(ProfileFileTest, ToleratesTheNormOfSinglePrecision) {
  EXPECT_THAT(ParseProfile(With(kCount, "0.8", "0.8009")), IsOk());
}

TEST(ProfileFileTest, WritesAndReadsFiles) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/profile_file_test.json");
  const Profile profile = *ParseProfile(kCountIdf);
  ASSERT_THAT(WriteProfile(profile, path), IsOk());
  const auto again = ReadProfile(path);
  std::remove(path.c_str());
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(*again, profile);
  EXPECT_THAT(ReadProfile(path), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));
  EXPECT_THAT(WriteProfile(profile, "/nonexistent/profile.json"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nonexistent")));
}

TEST(ProfileTest, ServesAModelOfItsGeometryOnly) {
  const Profile profile = *ParseProfile(kCountIdf);
  EXPECT_THAT(CheckProfileServes(profile, {3, 2, 1, {}}), IsOk());
  EXPECT_THAT(CheckProfileServes(profile, {4, 2, 1, {}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("profile.L")));
  EXPECT_THAT(CheckProfileServes(profile, {3, 8, 1, {}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("profile.e")));
  EXPECT_THAT(CheckProfileServes(*ParseProfile(kGateProb), {2, 2, 1, {}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("profile.variant")));
}

TEST(ProfileFileTest, RefusesDeepNesting) {
  const std::string deep(100'000, '[');
  const std::string closed = deep + std::string(100'000, ']');
  for (const std::string& json : {closed, "{\"L\":" + closed + "}", "{\"x\":" + closed + "}"}) {
    EXPECT_THAT(ParseProfile(json),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nested deeper than 64")));
  }
}

TEST(ProfileFileTest, ShowsLittleOfALargeBrokenFile) {
  const auto profile = ParseProfile("{\"L" + std::string(100'000, 'x'));
  EXPECT_THAT(profile, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("parse error")));
  EXPECT_LT(profile.status().message().size(), 1000u);
}

}  // namespace
}  // namespace eldr

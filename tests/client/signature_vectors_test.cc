// The signatures of tests/data/signatures/vectors.json, which the Python client is tested on, too:
// both make the same bytes of the same ids, and refuse the same input.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "client/engines/engine_forms.h"
#include "client/engines/routed_experts.h"
#include "eldr/client/signature_builder.h"

namespace eldr::client::vectors {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

const Json& Vectors() {
  static const Json* const vectors = new Json(Json::parse(std::ifstream(ELDR_SIGNATURE_VECTORS)));
  return *vectors;
}

v1::ModelGeometry GeometryOf(const Json& test) {
  const Json& shape = test.at("geometry");
  v1::ModelGeometry geometry;
  geometry.set_layers(shape.at("layers"));
  geometry.set_experts(shape.at("experts"));
  geometry.set_top_k(shape.at("top_k"));
  for (const uint32_t layer : shape.at("moe_hidden_layers")) geometry.add_moe_hidden_layers(layer);
  return geometry;
}

std::optional<uint32_t> PromptTokensOf(const Json& test) {
  const auto found = test.find("prompt_tokens");
  if (found == test.end() || found->is_null()) return std::nullopt;
  return found->get<uint32_t>();
}

void Expect(const Json& test, const absl::StatusOr<v1::ExpertSignature>& made) {
  if (const auto error = test.find("error"); error != test.end()) {
    EXPECT_EQ(made.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(made.status().message()), HasSubstr(error->get<std::string>()));
    return;
  }
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(absl::BytesToHexString(made->SerializeAsString()), test.at("wire").get<std::string>());
}

absl::StatusOr<v1::ExpertSignature> FromIds(const Json& test) {
  absl::StatusOr<SignatureBuilder> builder = SignatureBuilder::Create(GeometryOf(test));
  if (!builder.ok()) return builder.status();
  const auto ids = test.at("ids").get<std::vector<int32_t>>();
  const uint32_t hidden_layers = test.value("hidden_layers", 0u);
  const absl::Span<const int32_t> span(ids);
  const absl::Status added = hidden_layers == 0
                                 ? builder->AddTokens(span)
                                 : builder->AddHiddenLayerTokens(span, hidden_layers);
  if (!added.ok()) return added;
  return builder->Build(PromptTokensOf(test));
}

absl::StatusOr<v1::ExpertSignature> FromCounts(const Json& test) {
  absl::StatusOr<SignatureBuilder> builder = SignatureBuilder::Create(GeometryOf(test));
  if (!builder.ok()) return builder.status();
  const auto counts = test.at("counts").get<std::vector<uint32_t>>();
  if (absl::Status added = builder->AddCounts(counts, test.at("tokens")); !added.ok()) return added;
  return builder->Build(PromptTokensOf(test));
}

absl::StatusOr<engines::ExpertCounts> Decode(const Json& test) {
  const v1::ModelGeometry shape = GeometryOf(test);
  const engines::Geometry geometry = {
      shape.layers(), shape.experts(), shape.top_k(),
      std::vector<uint32_t>(shape.moe_hidden_layers().begin(), shape.moe_hidden_layers().end())};
  const auto text = test.at("text").get<std::string>();
  const auto form = test.at("form").get<std::string>();
  if (form == "reference") return engines::DecodeReferenceCounts(text, geometry);
  const absl::StatusOr<engines::RoutedExperts> routed =
      form == "npy" ? engines::DecodeVllmNpy(text, geometry)
                    : engines::DecodeSglangInt32(text, geometry, test.value("hidden_layers", 0u));
  if (!routed.ok()) return routed.status();
  return engines::CountExperts(*routed, shape.experts(), 0, routed->tokens);
}

TEST(SignatureVectorsTest, CountsIds) {
  ASSERT_FALSE(Vectors().at("ids").empty());
  for (const Json& test : Vectors().at("ids")) {
    SCOPED_TRACE(test.at("name"));
    Expect(test, FromIds(test));
  }
}

TEST(SignatureVectorsTest, TakesCounts) {
  ASSERT_FALSE(Vectors().at("counts").empty());
  for (const Json& test : Vectors().at("counts")) {
    SCOPED_TRACE(test.at("name"));
    Expect(test, FromCounts(test));
  }
}

TEST(SignatureVectorsTest, CountsEachBlockOfAPrompt) {
  ASSERT_FALSE(Vectors().at("blocks").empty());
  for (const Json& test : Vectors().at("blocks")) {
    SCOPED_TRACE(test.at("name"));
    const v1::ModelGeometry geometry = GeometryOf(test);
    const auto ids = test.at("ids").get<std::vector<int32_t>>();
    const std::size_t size =
        test.at("block_tokens").get<std::size_t>() * geometry.layers() * geometry.top_k();
    std::size_t start = 0;
    for (const Json& block : test.at("blocks")) {
      absl::StatusOr<SignatureBuilder> builder = SignatureBuilder::Create(geometry);
      ASSERT_TRUE(builder.ok());
      ASSERT_TRUE(builder->AddTokens(absl::MakeConstSpan(ids).subspan(start, size)).ok());
      Expect(block, builder->Build());
      start += size;
    }
  }
}

TEST(SignatureVectorsTest, DecodesWhatEnginesReturn) {
  ASSERT_FALSE(Vectors().at("forms").empty());
  for (const Json& test : Vectors().at("forms")) {
    SCOPED_TRACE(test.at("name"));
    const absl::StatusOr<engines::ExpertCounts> counts = Decode(test);
    if (counts.ok()) {
      Expect(test, EncodeCounts(counts->counts, counts->tokens));
    } else {
      Expect(test, counts.status());
    }
  }
}

}  // namespace
}  // namespace eldr::client::vectors

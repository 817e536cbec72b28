// A law of all forms: the same choices of experts decode alike, whichever form an engine wrote.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "absl/strings/str_cat.h"
#include "client/engines/response_body.h"
#include "tests/client/engines/engine_samples.h"
#include "tests/core/test_seed.h"
#include "tests/support/status_matchers.h"

namespace eldr::engines {
namespace {

struct Sample {
  Geometry geometry;
  std::size_t tokens = 0;
  std::size_t hidden_layers = 0;
  std::vector<std::int64_t> engine_ids;  // every hidden layer; nonsense in the dense ones
  std::vector<std::uint16_t> moe_ids;    // what is to be left
  std::vector<std::int64_t> moe_counts;  // layers * experts
};

Sample DrawSample(std::mt19937_64& rng) {
  const auto draw = [&rng](int least, int most) {
    return std::uniform_int_distribution<int>(least, most)(rng);
  };
  Sample sample;
  sample.tokens = static_cast<std::size_t>(draw(1, 6));
  sample.hidden_layers = static_cast<std::size_t>(draw(1, 5));
  const auto experts = static_cast<std::uint32_t>(draw(2, 100));
  const auto top_k =
      static_cast<std::uint32_t>(draw(1, std::min<int>(4, static_cast<int>(experts))));
  // The last layer is one of experts: SGLang's form does not tell how many there are.
  for (std::uint32_t layer = 0; layer < sample.hidden_layers; ++layer) {
    if (layer + 1 == sample.hidden_layers || draw(0, 2) > 0) {
      sample.geometry.moe_hidden_layers.push_back(layer);
    }
  }
  const auto layers = static_cast<std::uint32_t>(sample.geometry.moe_hidden_layers.size());
  sample.geometry.layers = layers;
  sample.geometry.experts = experts;
  sample.geometry.top_k = top_k;
  sample.moe_counts.resize(std::size_t{layers} * experts);
  std::vector<std::uint16_t> all(experts);
  std::iota(all.begin(), all.end(), std::uint16_t{0});
  for (std::size_t token = 0; token < sample.tokens; ++token) {
    std::size_t moe_layer = 0;
    for (std::uint32_t layer = 0; layer < sample.hidden_layers; ++layer) {
      const auto& moe = sample.geometry.moe_hidden_layers;
      const bool is_dense = !std::binary_search(moe.begin(), moe.end(), layer);
      std::shuffle(all.begin(), all.end(), rng);
      for (std::uint32_t choice = 0; choice < top_k; ++choice) {
        sample.engine_ids.push_back(is_dense ? 100 : all[choice]);
        if (is_dense) continue;
        sample.moe_ids.push_back(all[choice]);
        ++sample.moe_counts[moe_layer * experts + all[choice]];
      }
      if (!is_dense) ++moe_layer;
    }
  }
  return sample;
}

std::string Lists(const Sample& sample) {
  std::string text = "[";
  std::size_t i = 0;
  for (std::size_t token = 0; token < sample.tokens; ++token) {
    absl::StrAppend(&text, token == 0 ? "[" : ",[");
    for (std::size_t layer = 0; layer < sample.hidden_layers; ++layer) {
      absl::StrAppend(&text, layer == 0 ? "[" : ",[");
      for (std::uint32_t choice = 0; choice < sample.geometry.top_k; ++choice) {
        absl::StrAppend(&text, choice == 0 ? "" : ", ", sample.engine_ids[i++]);
      }
      text += "]";
    }
    text += "]";
  }
  return text + "]";
}

// Bodies that all say the same.
std::vector<std::string> Bodies(const Sample& sample) {
  const std::string shape =
      absl::StrCat(sample.tokens, ", ", sample.hidden_layers, ", ", sample.geometry.top_k);
  std::vector<std::string> bodies = {VllmBody(VllmChoice(0, Lists(sample)), 9)};
  for (const auto& [descr, data] : {std::pair("|u1", Packed<std::uint8_t>(sample.engine_ids)),
                                    std::pair("<u2", Packed<std::uint16_t>(sample.engine_ids)),
                                    std::pair("<i4", Packed<std::int32_t>(sample.engine_ids))}) {
    bodies.push_back(VllmBody(VllmChoice(0, Quoted(Base64(NpySample(descr, shape, data)))), 9));
  }
  // Without a shape of its own, this one must have as many rows as it says.
  bodies.push_back(absl::StrCat(R"({"meta_info":{"prompt_tokens":)", sample.tokens,
                                R"(,"completion_tokens":1,"routed_experts":)",
                                Quoted(Base64(Packed<std::int32_t>(sample.engine_ids))), "}}"));
  return bodies;
}

TEST(FormsAgreeTest, DecodeTheSameChoicesAlike) {
  SCOPED_TRACE(SeedNote());
  std::mt19937_64 rng = SeededRng();
  for (int round = 0; round < 200; ++round) {
    const Sample sample = DrawSample(rng);
    for (const std::string& body : Bodies(sample)) {
      const auto response = ParseResponse(body, {sample.geometry});
      ASSERT_THAT(response, IsOk()) << body;
      ASSERT_EQ(response->routed.ids, sample.moe_ids) << body;
      const auto counts = CountPrompt(*response, sample.geometry.experts);
      ASSERT_THAT(counts, IsOk()) << body;
      ASSERT_THAT(counts->counts, ::testing::ElementsAreArray(sample.moe_counts)) << body;
    }
    const auto reference =
        ParseResponse(absl::StrCat(R"({"kv_transfer_params":{"eldr_sig":)",
                                   Quoted(Base64(Packed<std::int16_t>(sample.moe_counts))), "}}"),
                      {sample.geometry});
    ASSERT_THAT(reference, IsOk());
    ASSERT_EQ(reference->counts.tokens, sample.tokens);
    ASSERT_THAT(reference->counts.counts, ::testing::ElementsAreArray(sample.moe_counts));
  }
}

}  // namespace
}  // namespace eldr::engines

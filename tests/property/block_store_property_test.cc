// The store of block signatures against a naive twin: dense counts in a map, and a clock for what
// was used last.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/prefix/block_signature_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/test_seed.h"
#include "tests/core/test_signature.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

class NaiveBlocks {
 public:
  void Store(const std::string& worker, const std::string& hash, const TestSignature& signature) {
    blocks_[{worker, hash}] = {signature.tokens, signature.counts, ++now_};
  }
  void Remove(const std::string& worker, const std::string& hash) { blocks_.erase({worker, hash}); }
  void Clear(const std::string& worker) {
    std::erase_if(blocks_, [&](const auto& block) { return block.first.first == worker; });
  }
  void EvictOldest() {
    auto oldest = blocks_.begin();
    for (auto it = blocks_.begin(); it != blocks_.end(); ++it) {
      if (it->second.used < oldest->second.used) oldest = it;
    }
    blocks_.erase(oldest);
  }
  // Adds what is known to `sum` and answers its tokens; the first hash was used last.
  std::uint32_t Compose(const std::string& worker, const std::vector<std::string>& hashes,
                        std::vector<std::uint32_t>& sum) {
    std::uint32_t tokens = 0;
    for (std::size_t i = hashes.size(); i-- > 0;) {
      const auto it = blocks_.find({worker, hashes[i]});
      if (it == blocks_.end()) continue;
      it->second.used = ++now_;
      tokens += it->second.tokens;
      for (std::size_t cell = 0; cell < sum.size(); ++cell) sum[cell] += it->second.counts[cell];
    }
    return tokens;
  }
  std::size_t size() const { return blocks_.size(); }

 private:
  struct Block {
    std::uint32_t tokens;
    std::vector<std::uint32_t> counts;
    std::uint64_t used;
  };
  std::uint64_t now_ = 0;
  std::map<std::pair<std::string, std::string>, Block> blocks_;
};

class BlockStorePropertyTest : public ::testing::TestWithParam<ModelGeometry> {
 protected:
  std::uint64_t Below(std::uint64_t bound) { return rng_() % bound; }
  std::string Worker() { return absl::StrCat("worker-", Below(3)); }
  // Short ones and ones of a heap string.
  std::string Hash() { return absl::StrCat(Below(2) == 0 ? "" : std::string(40, 'h'), Below(30)); }

  void Store();
  void Compose();

  const ModelGeometry geometry_ = GetParam();
  const std::size_t max_bytes_ = 40 * geometry_.cells() / 2 + 4000;
  std::mt19937_64 rng_ = SeededRng();
  BlockSignatureStore store_{geometry_, max_bytes_};
  NaiveBlocks twin_;
  std::uint64_t evicted_ = 0;
};

void BlockStorePropertyTest::Store() {
  const std::string worker = Worker();
  const std::string hash = Hash();
  const auto tokens = static_cast<std::uint32_t>(1 + Below(Below(8) == 0 ? 400 : 40));
  const TestSignature signature = RandomSignature(geometry_, tokens, rng_);
  const std::size_t evicted =
      store_.Store(worker, hash, BlockRow(Parsed(signature, geometry_), geometry_));
  twin_.Store(worker, hash, signature);
  for (std::size_t i = 0; i < evicted; ++i) twin_.EvictOldest();
  evicted_ += evicted;
}

void BlockStorePropertyTest::Compose() {
  const std::string worker = Worker();
  std::vector<std::string> hashes;
  for (std::uint64_t i = Below(12); i > 0; --i) {
    const std::string hash = Hash();
    if (std::find(hashes.begin(), hashes.end(), hash) == hashes.end()) hashes.push_back(hash);
  }
  const std::vector<absl::string_view> views(hashes.begin(), hashes.end());
  std::vector<std::uint32_t> expected(geometry_.cells(), 0);
  std::uint32_t tokens = twin_.Compose(worker, hashes, expected);
  std::optional<ExpertSignature> fresh;
  if (Below(2) == 0) {
    const TestSignature signature =
        RandomSignature(geometry_, static_cast<std::uint32_t>(1 + Below(20)), rng_);
    fresh = Parsed(signature, geometry_);
    tokens += signature.tokens;
    for (std::size_t cell = 0; cell < expected.size(); ++cell) {
      expected[cell] += signature.counts[cell];
    }
  }
  const auto prompt_tokens = static_cast<std::uint32_t>(std::max(1u, tokens) + Below(2) * 7);
  const auto composition = store_.Compose(worker, views, prompt_tokens, fresh ? &*fresh : nullptr);
  ASSERT_THAT(composition, IsOk());
  EXPECT_EQ(composition->known_tokens, tokens);
  EXPECT_EQ(composition->known_blocks + composition->missing_blocks, hashes.size());
  ASSERT_EQ(composition->signature.has_value(), tokens > 0);
  if (tokens == 0) return;
  EXPECT_EQ(composition->signature->quality() == SignatureQuality::kFull, tokens == prompt_tokens);
  composition->signature->VisitCounts([&](const auto* counts) {
    EXPECT_EQ(std::vector<std::uint32_t>(counts, counts + geometry_.cells()), expected);
  });
}

TEST_P(BlockStorePropertyTest, AgreesWithTheTwinAfterAnySequence) {
  SCOPED_TRACE(SeedNote());
  for (int step = 0; step < 4000; ++step) {
    SCOPED_TRACE(absl::StrCat("step ", step));
    const std::uint64_t kind = Below(100);
    if (kind < 50) {
      Store();
    } else if (kind < 85) {
      Compose();
    } else if (kind < 99) {
      const std::string worker = Worker();
      const std::string hash = Hash();
      store_.Remove(worker, hash);
      twin_.Remove(worker, hash);
    } else {
      const std::string worker = Worker();
      store_.Clear(worker);
      twin_.Clear(worker);
    }
    ASSERT_EQ(store_.blocks(), twin_.size());
    ASSERT_LE(store_.bytes(), max_bytes_);
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_EQ(store_.counters().evicted, evicted_);
  EXPECT_GT(evicted_, 50u) << "the bound was not put to the test";
  for (int worker = 0; worker < 3; ++worker) store_.Clear(absl::StrCat("worker-", worker));
  EXPECT_EQ(store_.bytes(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Geometries, BlockStorePropertyTest,
                         ::testing::Values(ModelGeometry{2, 8, 2, {}}, ModelGeometry{3, 64, 2, {}},
                                           ModelGeometry{1, 600, 1, {}}),
                         [](const auto& geometry) {
                           return absl::StrCat("Experts", geometry.param.experts);
                         });

}  // namespace
}  // namespace eldr

#include "server/memory_bounds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace eldr {
namespace {

using ::testing::HasSubstr;

TEST(MemoryBoundsTest, WarnsOnlyBelowTheirSum) {
  // 1 GiB of transport, 64 MiB of waits, 256 of answers, 256 + 64 of the one model there is room
  // for.
  const Config config;
  constexpr std::uint64_t kSum = std::uint64_t{1664} << 20;
  EXPECT_EQ(MemoryWarning(config, kSum), "");
  EXPECT_THAT(MemoryWarning(config, kSum - 1),
              HasSubstr("the bounds 1664MiB together (grpc.max_transport_bytes 1024MiB, "
                        "limits.answer_bytes 256MiB, signature_store_bytes 256MiB"));
}

TEST(MemoryBoundsTest, EachConfiguredModelHasStoresOfItsOwn) {
  Config config;
  config.models.resize(5);
  const std::vector<MemoryBound> bounds = MemoryBounds(config);
  EXPECT_STREQ(bounds[0].key, "signature_store_bytes");
  EXPECT_EQ(bounds[0].bytes, std::uint64_t{5 * 256} << 20);
}

}  // namespace
}  // namespace eldr

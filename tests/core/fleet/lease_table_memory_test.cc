// The lease table must not grow with renewals. Counts live heap bytes, so it is a program of its
// own.
#include <cstdlib>
#include <memory>
#include <new>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/fleet/decode_node.h"
#include "core/fleet/lease_table.h"
#include "gtest/gtest.h"

namespace {

std::size_t live_bytes = 0;
// In front of each block, its size; as large as the strictest alignment.
constexpr std::size_t kHeader = alignof(std::max_align_t);

}  // namespace

void* operator new(std::size_t size) {
  auto* block = static_cast<char*>(std::malloc(size + kHeader));
  if (block == nullptr) throw std::bad_alloc();
  *reinterpret_cast<std::size_t*>(block) = size;
  live_bytes += size;
  return block + kHeader;
}

void operator delete(void* pointer) noexcept {
  if (pointer == nullptr) return;
  char* block = static_cast<char*>(pointer) - kHeader;
  live_bytes -= *reinterpret_cast<std::size_t*>(block);
  std::free(block);
}

void operator delete(void* pointer, std::size_t) noexcept { operator delete(pointer); }

namespace eldr {
namespace {

std::unique_ptr<Lease> MakeLease(std::uint64_t id, const std::string& request_id,
                                 DecodeNode& node) {
  auto lease = std::make_unique<Lease>();
  lease->id = id;
  lease->request_id = request_id;
  lease->node = &node;
  lease->expires_at = absl::Hours(1);
  return lease;
}

TEST(LeaseTableMemoryTest, RenewalsToAndFroDoNotPileUp) {
  DecodeNode node;
  LeaseTable table;
  Lease* lease = table.Insert(MakeLease(1, "a request id too long to be kept in place", node));
  const std::size_t before = live_bytes;
  for (int i = 0; i < 100'000; ++i) {
    table.Renew(*lease, absl::Seconds(1), absl::Seconds(10));
    table.Renew(*lease, absl::Hours(1), absl::Seconds(10));
  }
  EXPECT_LT(live_bytes, before + 1'000'000) << "bytes: a deadline takes about a hundred";
  EXPECT_EQ(table.NextExpired(absl::Seconds(3609)), nullptr);
  EXPECT_EQ(table.NextExpired(absl::Seconds(3610)), lease);
}

TEST(LeaseTableMemoryTest, LeasesThatEndEarlyDoNotPileUp) {
  DecodeNode node;
  LeaseTable table;
  const std::size_t before = live_bytes;
  for (std::uint64_t i = 1; i <= 100'000; ++i) {
    table.Take(*table.Insert(
        MakeLease(i, absl::StrCat("a request id too long to be kept in place: ", i), node)));
  }
  EXPECT_EQ(table.size(), 0u);
  EXPECT_LT(live_bytes, before + 1'000'000);
}

}  // namespace
}  // namespace eldr

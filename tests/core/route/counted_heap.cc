#include "tests/core/route/counted_heap.h"

#include <malloc.h>

#include <cstdlib>
#include <new>

namespace {

std::size_t allocations = 0;
std::size_t bytes = 0;

void* Counted(void* block) {
  if (block == nullptr) throw std::bad_alloc();
  ++allocations;
  bytes += malloc_usable_size(block);
  return block;
}

void Free(void* block) {
  bytes -= malloc_usable_size(block);
  std::free(block);
}

}  // namespace

// The array forms call these.
void* operator new(std::size_t size) { return Counted(std::malloc(size)); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return Counted(std::malloc(size));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto align = static_cast<std::size_t>(alignment);
  return Counted(std::aligned_alloc(align, (size + align - 1) / align * align));
}
void operator delete(void* block) noexcept { Free(block); }
void operator delete(void* block, std::size_t) noexcept { Free(block); }
void operator delete(void* block, std::align_val_t) noexcept { Free(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { Free(block); }

namespace eldr {

std::size_t HeapAllocations() { return allocations; }
std::size_t HeapBytes() { return bytes; }

}  // namespace eldr

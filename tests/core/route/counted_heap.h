// What the program takes from the heap. Linking counted_heap.cc replaces operator new, so a test
// that counts is a program of its own.
#ifndef ELDR_TESTS_CORE_ROUTE_COUNTED_HEAP_H_
#define ELDR_TESTS_CORE_ROUTE_COUNTED_HEAP_H_

#include <cstddef>

namespace eldr {

// Since the program began. Not thread-safe.
std::size_t HeapAllocations();
// What is held now, as the allocator rounds it up; its own bookkeeping is not counted.
std::size_t HeapBytes();

}  // namespace eldr

#endif  // ELDR_TESTS_CORE_ROUTE_COUNTED_HEAP_H_

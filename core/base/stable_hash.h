// Hashes that are the same in every process and on every machine, which absl::Hash is not.
#ifndef ELDR_CORE_BASE_STABLE_HASH_H_
#define ELDR_CORE_BASE_STABLE_HASH_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace eldr {

// A fixed bijection of 64 bits (the finaliser of splitmix64): near inputs give far outputs.
constexpr std::uint64_t Mix64(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// The upper 53 bits as a number in [0, 1), all of them equally far apart.
constexpr double ToUnitInterval(std::uint64_t bits) {
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

// FNV-1a, started by `seed`. Not for input that somebody may choose to collide.
constexpr std::uint64_t StableHash(absl::string_view text, std::uint64_t seed = 0) {
  std::uint64_t hash = 0xcbf29ce484222325u ^ seed;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

}  // namespace eldr

#endif  // ELDR_CORE_BASE_STABLE_HASH_H_

// The seed of random tests: GTEST_RANDOM_SEED, or one drawn for the run.
#ifndef ELDR_TESTS_CORE_TEST_SEED_H_
#define ELDR_TESTS_CORE_TEST_SEED_H_

#include <cstdint>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace eldr {

inline std::uint64_t TestSeed() {
  return static_cast<std::uint64_t>(::testing::UnitTest::GetInstance()->random_seed());
}

inline std::mt19937_64 SeededRng() { return std::mt19937_64(TestSeed()); }

// How to repeat a failure: SCOPED_TRACE(SeedNote()).
inline std::string SeedNote() { return absl::StrCat("repeat with GTEST_RANDOM_SEED=", TestSeed()); }

}  // namespace eldr

#endif  // ELDR_TESTS_CORE_TEST_SEED_H_

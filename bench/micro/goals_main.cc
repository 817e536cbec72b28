#include <cstdio>
#include <cstdlib>
#include <exception>

#include "bench/micro/goals_program.h"

int main(int argc, char** argv) {
  try {
    return eldr::RunCoreGoals(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "eldr-core-goals: %s\n", error.what());
    return EXIT_FAILURE;
  }
}

// eldr-core-goals: measures the goals for the core's decisions and prints them on standard output.
#ifndef ELDR_BENCH_MICRO_GOALS_PROGRAM_H_
#define ELDR_BENCH_MICRO_GOALS_PROGRAM_H_

namespace eldr {

// The program but for its main; answers its exit code: 0 if everything could be measured, whether
// the goals hold or not.
int RunCoreGoals(int argc, char** argv);

}  // namespace eldr

#endif  // ELDR_BENCH_MICRO_GOALS_PROGRAM_H_

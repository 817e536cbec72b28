// Which processors this thread, and what it starts, may run on.
#ifndef ELDR_BENCH_WIRE_PROCESSORS_H_
#define ELDR_BENCH_WIRE_PROCESSORS_H_

#include <sched.h>

namespace eldr {

// Takes the first or the last of the processors that were allowed, for its lifetime; nothing if
// there is one only. Of the thread that made it.
class OnOneProcessor {
 public:
  enum Which { kFirst, kLast };

  explicit OnOneProcessor(Which which);
  ~OnOneProcessor();
  OnOneProcessor(const OnOneProcessor&) = delete;
  OnOneProcessor& operator=(const OnOneProcessor&) = delete;

 private:
  cpu_set_t before_{};
};

}  // namespace eldr

#endif  // ELDR_BENCH_WIRE_PROCESSORS_H_

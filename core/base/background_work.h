// Work that takes too long for a call.
#ifndef ELDR_CORE_BASE_BACKGROUND_WORK_H_
#define ELDR_CORE_BASE_BACKGROUND_WORK_H_

namespace eldr {

enum class WorkLength {
  kShort,  // placements are the better for it soon, and it takes milliseconds for most fleets
  kLong,   // takes as long as it takes
};

// Computes from data of its own: Run() needs no lock, touches nothing shared and may run on any
// thread. Whoever made the work takes its result from it afterwards.
class BackgroundWork {
 public:
  virtual ~BackgroundWork() = default;
  // Called at most once.
  virtual void Run() = 0;
};

}  // namespace eldr

#endif  // ELDR_CORE_BASE_BACKGROUND_WORK_H_

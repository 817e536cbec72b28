// Work that the router has for a thread that is not in a hurry.
//
//   for (BackgroundJob& job : router->TakeBackgroundJobs()) {
//     job.Run();
//     job.Publish();
//   }
#ifndef ELDR_CORE_ROUTE_BACKGROUND_JOB_H_
#define ELDR_CORE_ROUTE_BACKGROUND_JOB_H_

#include <memory>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "core/base/background_work.h"

namespace eldr {

// One piece of work and the way back for its result. Movable; used by one thread at a time. Must
// not outlive the router it came from.
class BackgroundJob {
 public:
  // Gives the work back to who made it, run or not.
  using Publisher = absl::AnyInvocable<void(std::unique_ptr<BackgroundWork>)>;

  BackgroundJob(std::unique_ptr<BackgroundWork> work, Publisher publish)
      : work_(std::move(work)), publish_(std::move(publish)) {}
  BackgroundJob(BackgroundJob&&) = default;
  BackgroundJob& operator=(BackgroundJob&&) = delete;
  // Publishes, if that was not done: work that is dropped counts as failed, and its maker may hand
  // out new work.
  ~BackgroundJob() { Publish(); }

  // Takes as long as it takes, without locks held. REQUIRES: not published.
  void Run() { work_->Run(); }
  // Puts the result into force, if it is still wanted: short, under the lock of its model.
  // Harmless if repeated.
  void Publish() {
    if (work_ != nullptr) publish_(std::move(work_));
  }

 private:
  std::unique_ptr<BackgroundWork> work_;
  Publisher publish_;
};

}  // namespace eldr

#endif  // ELDR_CORE_ROUTE_BACKGROUND_JOB_H_

// A thread that does something at a steady pace.
#ifndef ELDR_SERVER_BASE_TICKER_H_
#define ELDR_SERVER_BASE_TICKER_H_

#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "core/base/mutex.h"

namespace eldr {

class Ticker {
 public:
  // Calls `work` every `interval` until destroyed, which waits for a call that runs.
  Ticker(absl::Duration interval, std::function<void()> work);
  ~Ticker();

 private:
  void Run(absl::Duration interval, const std::function<void()>& work);

  Mutex mutex_;
  CondVar wake_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_TICKER_H_

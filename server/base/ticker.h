// A thread that does something at a steady pace.
#ifndef ELDR_SERVER_BASE_TICKER_H_
#define ELDR_SERVER_BASE_TICKER_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "absl/time/time.h"

namespace eldr {

class Ticker {
 public:
  // Calls `work` every `interval` until destroyed, which waits for a call that runs.
  Ticker(absl::Duration interval, std::function<void()> work);
  ~Ticker();

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_TICKER_H_

// Whether the daemon may be sent calls: it calls itself to find out.
#ifndef ELDR_SERVER_READINESS_H_
#define ELDR_SERVER_READINESS_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "core/base/mutex.h"
#include "server/base/log.h"

namespace eldr {

// Looks at each address of the gRPC port in turn. An address that nobody listens on any more is
// opened anew. One that once answered and does not for a long time, though nothing outside of the
// process is in its way, makes the process hopeless: whoever started it should start it again.
//
// Step() by one thread; the rest is thread-safe.
class Readiness {
 public:
  struct Address {
    std::string name;                    // for lines and pages
    std::function<absl::Status()> call;  // see CallSelf
    std::function<void()> reopen;
  };
  // So many failures of an address in a row, one is no failure yet.
  static constexpr int kNotReadyAfter = 2;
  static constexpr int kHopelessAfter = 30;

  // `log` must outlive it.
  Readiness(std::vector<Address> addresses, Log& log);

  // Calls each address once.
  void Step();

  // False before the first Step(), and while an address does not answer.
  bool ready() const { return ready_.load(); }
  // True once there is no hope.
  bool hopeless() const { return hopeless_.load(); }
  // Why it is not ready: "127.0.0.1:9002: no answer".
  std::string reason() const;

 private:
  struct Book {
    Address address;
    int failures = 0;       // in a row
    int deaf = 0;           // of these, the last ones that only the process can be blamed for
    bool answered = false;  // once, at least
  };
  void Call(Book& book);
  void OnFailure(Book& book, const absl::Status& status);

  Log& log_;
  std::vector<Book> books_;
  std::atomic<bool> ready_{false};
  std::atomic<bool> hopeless_{false};
  mutable Mutex mutex_;
  std::string reason_ ABSL_GUARDED_BY(mutex_) = "starting";
};

}  // namespace eldr

#endif  // ELDR_SERVER_READINESS_H_

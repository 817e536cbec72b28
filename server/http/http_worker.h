// Makes the pages that take their time.
#ifndef ELDR_SERVER_HTTP_HTTP_WORKER_H_
#define ELDR_SERVER_HTTP_HTTP_WORKER_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "core/base/mutex.h"
#include "server/base/wake_up.h"
#include "server/http/http_page.h"

namespace eldr {

// Thread-safe.
class HttpWorker {
 public:
  struct Job {
    std::uint64_t connection;
    const HttpPage* page;
    HttpRequest request;
    // Set: further events of a client that watches are made, not the page.
    std::shared_ptr<HttpEventSource> source = nullptr;
  };
  struct Done {
    std::uint64_t connection;
    HttpResponse response;
  };

  // Wakes `done` when there is something to take. It must outlive this. `gives_way`: all other work
  // of the machine goes first.
  HttpWorker(const WakeUp& done, bool gives_way);
  // Waits for the page that is being made, and drops the others.
  ~HttpWorker();

  void Push(Job job);
  // The connection is gone: what waits to be made for it need not be.
  void Forget(std::uint64_t connection);
  std::vector<Done> TakeDone();

 private:
  void Serve();
  static HttpResponse Make(const Job& job);

  const WakeUp& done_wake_;
  Mutex mutex_;
  CondVar pushed_;
  std::deque<Job> jobs_ ABSL_GUARDED_BY(mutex_);
  std::vector<Done> done_ ABSL_GUARDED_BY(mutex_);
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_HTTP_HTTP_WORKER_H_

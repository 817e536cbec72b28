#include "server/http/http_worker.h"

#include <sys/resource.h>
#include <unistd.h>

#include <utility>

namespace eldr {

namespace {

// For the calling thread alone, which Linux allows and POSIX does not say.
constexpr int kLowPriority = 10;

}  // namespace

HttpWorker::HttpWorker(const WakeUp& done, bool gives_way)
    : done_wake_(done), thread_([this, gives_way] {
        if (gives_way) setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kLowPriority);
        Serve();
      }) {}

HttpWorker::~HttpWorker() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
    pushed_.NotifyAll();
  }
  thread_.join();
}

void HttpWorker::Push(Job job) {
  MutexLock lock(mutex_);
  jobs_.push_back(std::move(job));
  pushed_.NotifyOne();
}

void HttpWorker::Forget(std::uint64_t connection) {
  MutexLock lock(mutex_);
  std::erase_if(jobs_, [connection](const Job& job) { return job.connection == connection; });
}

std::vector<HttpWorker::Done> HttpWorker::TakeDone() {
  MutexLock lock(mutex_);
  return std::exchange(done_, {});
}

HttpResponse HttpWorker::Make(const Job& job) {
  if (job.source != nullptr) return {.body = job.source->Next()};
  return job.page->handler(job.request);
}

void HttpWorker::Serve() {
  while (true) {
    Job job;
    {
      MutexLock lock(mutex_);
      while (jobs_.empty() && !ending_) pushed_.Wait(mutex_);
      if (ending_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    Done done = {job.connection, Make(job)};
    {
      MutexLock lock(mutex_);
      done_.push_back(std::move(done));
    }
    done_wake_.Wake();
  }
}

}  // namespace eldr

#include "server/http/http_worker.h"

#include <utility>

namespace eldr {

HttpWorker::HttpWorker(const WakeUp& done) : done_wake_(done), thread_([this] { Serve(); }) {}

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

std::vector<HttpWorker::Done> HttpWorker::TakeDone() {
  MutexLock lock(mutex_);
  return std::exchange(done_, {});
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
    Done done = {job.connection, job.page->handler(job.request)};
    {
      MutexLock lock(mutex_);
      done_.push_back(std::move(done));
    }
    done_wake_.Wake();
  }
}

}  // namespace eldr

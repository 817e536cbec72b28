// An engine's HTTP port, which answers what a test wants or misbehaves.
#ifndef ELDR_TESTS_CLIENT_SCRAPE_FAKE_ENGINE_H_
#define ELDR_TESTS_CLIENT_SCRAPE_FAKE_ENGINE_H_

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace eldr {

// Listens on a free port of the loopback. Each connection is served by a thread, one request after
// the other. Thread-safe.
class FakeEngine {
 public:
  // A piece of an answer, and how long to wait before it is sent.
  struct Piece {
    std::string bytes;
    absl::Duration before = absl::ZeroDuration();
  };
  // The pieces of an answer, one at a time; an empty one ends it and closes the connection.
  using Answer = std::function<Piece(int index)>;

  FakeEngine();
  ~FakeEngine();  // closes all
  FakeEngine(const FakeEngine&) = delete;
  FakeEngine& operator=(const FakeEngine&) = delete;

  std::string url(const std::string& path = "") const;
  // Answers requests of the path from now on; others are 404.
  void SetPage(const std::string& path, int status, const std::string& body);
  void SetAnswer(const std::string& path, Answer answer);
  // Stops listening and closes all connections: as a process that ended. Open() comes back at the
  // same port.
  void Close();
  void Open();
  int requests() const { return requests_; }

 private:
  void Accept(int listening);
  void Serve(int socket);
  Answer Find(const std::string& path);
  // Waits so long, unless Close() is called.
  bool ClosesWithin(absl::Duration time);

  int port_ = 0;
  std::atomic<int> requests_{0};
  absl::Mutex mutex_;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  int listening_ ABSL_GUARDED_BY(mutex_) = -1;
  std::map<std::string, Answer> answers_ ABSL_GUARDED_BY(mutex_);
  std::vector<int> sockets_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
  std::thread acceptor_;
};

}  // namespace eldr

#endif  // ELDR_TESTS_CLIENT_SCRAPE_FAKE_ENGINE_H_

// The HTTP port: health, metrics and other pages, read only.
#ifndef ELDR_SERVER_HTTP_HTTP_SERVER_H_
#define ELDR_SERVER_HTTP_HTTP_SERVER_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/base/clock.h"
#include "server/base/listener.h"
#include "server/base/openssl_handle.h"
#include "server/base/wake_up.h"
#include "server/config/listen_address.h"
#include "server/http/http_connection.h"
#include "server/http/http_page.h"
#include "server/http/http_worker.h"

namespace eldr {

// One thread moves the bytes of all connections and never waits for any of them, others make the
// pages, one for each lane; so nobody who is slow, silent or does not read keeps health from being
// answered. All is bounded: a connection is good for one request, which must be whole within
// seconds. When there are too many connections, the one goes that has been without a whole request
// for longest, so that whoever asks at once is served.
class HttpServer {
 public:
  struct Options {
    std::vector<HttpPage> pages;
    // Whether an `authorization` header may read pages that need a token; unset: none do. Called as
    // a page of kAtOnce is.
    std::function<bool(absl::string_view authorization)> may_read = nullptr;
    // What a new connection is served with; unset: plaintext.
    std::function<SslContextPtr()> tls = nullptr;
    std::size_t max_connections = 2048;
    // Answers of pages of kMade of one lane at a time, from the request until they are written:
    // what they hold is not small. Beyond it an answer that is not read gives way, or a request is
    // refused: 503.
    std::size_t max_answers = 16;
    // Clients that watch events at a time; beyond it 503.
    std::size_t max_watchers = 64;
  };

  // Listens when it returns. UNAVAILABLE, naming the address, if that is not possible. `clock` must
  // outlive it.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const ListenAddress& address,
                                                           Options options, const Clock& clock);
  ~HttpServer();

  // Closes the port and all connections. Waits for a page that is being made.
  void Stop();

  // As bound: port 0 is replaced by the real one.
  const ListenAddress& address() const { return address_; }

 private:
  using State = HttpConnection::State;

  HttpServer(std::unique_ptr<Listener> listener, Options options, const Clock& clock);
  void Serve();
  // Waits for news, and takes it to the connections that have some.
  void Poll();
  int PollTimeoutMs() const;
  void AcceptAll();
  // Closes the connection that is missed least; false if there is none to close.
  bool MakeRoom();
  // Goes as far as it gets with a connection.
  void Advance(std::uint64_t id, HttpConnection& connection);
  void Dispatch(std::uint64_t id, HttpConnection& connection);
  void BeginWatching(HttpConnection& connection, const HttpResponse& response);
  bool HasRoomForAnswer(HttpPage::Lane lane);
  HttpWorker& WorkerOf(const HttpPage& page) {
    return *workers_[static_cast<std::size_t>(page.lane)];
  }
  std::size_t Count(State state) const;
  void TakeDone();
  // What time alone brings: events that are due, connections whose time is over.
  void OnTime();
  const HttpPage* Find(absl::string_view path) const;

  const Options options_;
  const Clock& clock_;
  const ListenAddress address_;
  std::unique_ptr<Listener> listener_;
  const WakeUp wake_;
  std::atomic<bool> stopping_{false};
  std::array<std::unique_ptr<HttpWorker>, HttpPage::kLanes> workers_;

  // Of the thread.
  MonotonicTime now_;  // of this round
  bool pausing_ = false;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, std::unique_ptr<HttpConnection>> connections_;  // the oldest first
  std::thread thread_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_HTTP_HTTP_SERVER_H_

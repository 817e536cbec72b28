// One connection of the HTTP port, from its request to its end.
#ifndef ELDR_SERVER_HTTP_HTTP_CONNECTION_H_
#define ELDR_SERVER_HTTP_HTTP_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "core/base/clock.h"
#include "server/http/http_message.h"
#include "server/http/http_socket.h"

namespace eldr {

struct HttpPage;

// Not thread-safe: all of them belong to the server's one thread. Nothing here waits; whoever is
// slow is left until poll() has news of it or its time is over.
class HttpConnection {
 public:
  enum class State : std::uint8_t {
    kReading,    // the request is not whole
    kAsked,      // it is, and waits for an answer
    kAnswering,  // the answer is being written
    kWatching,   // events are written as they come
    kClosing,    // all is written; until the peer closes, so that it can read all
    kDone,       // to be dropped
  };

  HttpConnection(UniqueFd socket, SSL_CTX* context, MonotonicTime now);

  State state() const { return state_; }
  int fd() const { return socket_.fd(); }
  // What poll() should wait for.
  short events() const;
  // Goes as far as it gets without waiting. Call when poll() has news, and after Answer() and
  // Send().
  void Advance(MonotonicTime now);
  // Whether it has used up the time that its state allows.
  bool Overdue(MonotonicTime now) const;
  // Since when nothing was written although something is to be; `now` if that is not so.
  MonotonicTime StalledSince(MonotonicTime now) const;

  // REQUIRES: kAsked.
  const HttpRequest& request() const { return request_; }
  HttpParse parsed() const { return parsed_; }
  void Answer(const HttpResponse& response, MonotonicTime now);
  void BeginEvents(MonotonicTime now);

  // REQUIRES: kWatching. Events that come before the last ones are written are left out.
  void Send(std::string events, MonotonicTime now);

  // The page that is asked for; nullptr until it is known.
  const HttpPage* page = nullptr;
  // Of a watcher: who makes its events, when the next ones are due, and whether they are being
  // made.
  std::shared_ptr<HttpEventSource> source;
  MonotonicTime next_event;
  bool event_in_work = false;

 private:
  void ReadRequest();
  void WriteAnswer(MonotonicTime now);
  // Reads and forgets what the peer still sends; kDone when it has closed.
  void Discard();
  void Start(State state, std::string bytes, MonotonicTime now, absl::string_view tail = {});
  bool written() const { return written_ == out_.size() && tail_.empty(); }

  HttpSocket socket_;
  State state_ = State::kReading;
  // TLS may have to write in order to read, and the other way about.
  bool read_wants_write_ = false;
  bool write_wants_read_ = false;
  MonotonicTime since_;  // of the state, or of the last progress in writing
  std::string in_;
  HttpParse parsed_ = HttpParse::kMore;
  HttpRequest request_;
  std::string out_;
  std::size_t written_ = 0;
  absl::string_view tail_;  // what is to be written after it, and outlives this
};

}  // namespace eldr

#endif  // ELDR_SERVER_HTTP_HTTP_CONNECTION_H_

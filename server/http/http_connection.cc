#include "server/http/http_connection.h"

#include <poll.h>

#include <utility>

namespace eldr {
namespace {

using Kind = HttpSocket::Io::Kind;

// From the connection to its whole request, however it trickles in.
constexpr absl::Duration kReadTime = absl::Seconds(5);
// Without a byte that could be written.
constexpr absl::Duration kStallTime = absl::Seconds(10);
// For the peer to read what is written and close.
constexpr absl::Duration kCloseTime = absl::Seconds(1);

}  // namespace

HttpConnection::HttpConnection(UniqueFd socket, SSL_CTX* context, MonotonicTime now)
    : socket_(std::move(socket), context), since_(now) {}

short HttpConnection::events() const {
  switch (state_) {
    case State::kReading:
    case State::kClosing:
      return read_wants_write_ ? POLLOUT : POLLIN;
    case State::kAsked:
      return 0;  // that it is gone, poll() tells anyway
    case State::kAnswering:
      return write_wants_read_ ? POLLIN : POLLOUT;
    case State::kWatching:
      return !written() && !write_wants_read_ ? POLLIN | POLLOUT : POLLIN;
    case State::kDone:
      break;
  }
  return 0;
}

void HttpConnection::Advance(MonotonicTime now) {
  if (state_ == State::kReading) ReadRequest();
  if (state_ == State::kWatching) Discard();
  if (state_ == State::kAnswering || state_ == State::kWatching) WriteAnswer(now);
  if (state_ == State::kClosing) Discard();
}

void HttpConnection::ReadRequest() {
  char bytes[4096];
  while (true) {
    const HttpSocket::Io io = socket_.Read(bytes, sizeof(bytes));
    read_wants_write_ = io.kind == Kind::kWantWrite;
    if (io.kind == Kind::kClosed) state_ = State::kDone;
    if (io.kind != Kind::kBytes) return;
    in_.append(bytes, io.bytes);
    parsed_ = ParseHttpRequest(in_, request_);
    if (parsed_ != HttpParse::kMore) break;
  }
  in_ = std::string();
  state_ = State::kAsked;
}

void HttpConnection::Start(State state, std::string bytes, MonotonicTime now,
                           absl::string_view tail) {
  state_ = state;
  out_ = std::move(bytes);
  written_ = 0;
  tail_ = tail;
  since_ = now;
}

void HttpConnection::Answer(const HttpResponse& response, MonotonicTime now) {
  Start(State::kAnswering, SerializeHttpResponse(response, request_.head), now,
        request_.head ? absl::string_view() : response.fixed_body);
}

void HttpConnection::BeginEvents(MonotonicTime now) {
  Start(State::kWatching, HttpEventsHead(), now);
}

void HttpConnection::Send(std::string events, MonotonicTime now) {
  if (written() && !events.empty()) Start(State::kWatching, std::move(events), now);
}

void HttpConnection::WriteAnswer(MonotonicTime now) {
  while (!written()) {
    const bool head = written_ < out_.size();
    const HttpSocket::Io io =
        socket_.Write(head ? absl::string_view(out_).substr(written_) : tail_);
    write_wants_read_ = io.kind == Kind::kWantRead;
    if (io.kind == Kind::kClosed) state_ = State::kDone;
    if (io.kind != Kind::kBytes) return;
    if (head) {
      written_ += io.bytes;
    } else {
      tail_.remove_prefix(io.bytes);
    }
    since_ = now;
  }
  if (state_ != State::kAnswering) return;
  Start(State::kClosing, "", now);
  socket_.EndWriting();
}

void HttpConnection::Discard() {
  char bytes[4096];
  // So many at a time, so that one who sends without end does not keep the thread.
  for (int i = 0; i < 16; ++i) {
    const HttpSocket::Io io = socket_.Read(bytes, sizeof(bytes));
    read_wants_write_ = io.kind == Kind::kWantWrite;
    if (io.kind == Kind::kClosed) state_ = State::kDone;
    if (io.kind != Kind::kBytes) return;
  }
}

bool HttpConnection::Overdue(MonotonicTime now) const {
  switch (state_) {
    case State::kReading:
      return now - since_ > kReadTime;
    case State::kAnswering:
    case State::kWatching:
      return now - StalledSince(now) > kStallTime;
    case State::kClosing:
      return now - since_ > kCloseTime;
    default:
      return state_ == State::kDone;
  }
}

MonotonicTime HttpConnection::StalledSince(MonotonicTime now) const {
  return written() ? now : since_;
}

}  // namespace eldr

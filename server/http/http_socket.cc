#include "server/http/http_socket.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace eldr {
namespace {

using Kind = HttpSocket::Io::Kind;

HttpSocket::Io PlainOutcome(ssize_t returned, Kind wanted) {
  if (returned > 0) return {Kind::kBytes, static_cast<std::size_t>(returned)};
  if (returned < 0 && (errno == EAGAIN || errno == EINTR)) return {wanted};
  return {Kind::kClosed};
}

int IntSize(std::size_t size) { return static_cast<int>(std::min<std::size_t>(size, INT_MAX)); }

}  // namespace

HttpSocket::HttpSocket(UniqueFd socket, SSL_CTX* context)
    : socket_(std::move(socket)), secure_(context != nullptr) {
  if (!secure_) return;
  ssl_.reset(SSL_new(context));
  broken_ = ssl_ == nullptr || SSL_set_fd(ssl_.get(), socket_.get()) != 1;
  if (!broken_) SSL_set_accept_state(ssl_.get());
}

HttpSocket::Io HttpSocket::SslOutcome(int returned) {
  if (returned > 0) return {Kind::kBytes, static_cast<std::size_t>(returned)};
  const int error = SSL_get_error(ssl_.get(), returned);
  ERR_clear_error();
  if (error == SSL_ERROR_WANT_READ) return {Kind::kWantRead};
  if (error == SSL_ERROR_WANT_WRITE) return {Kind::kWantWrite};
  broken_ = error != SSL_ERROR_ZERO_RETURN;
  return {Kind::kClosed};
}

HttpSocket::Io HttpSocket::Read(char* to, std::size_t size) {
  if (broken_) return {Kind::kClosed};
  if (!secure_) return PlainOutcome(recv(fd(), to, size, 0), Kind::kWantRead);
  ERR_clear_error();
  return SslOutcome(SSL_read(ssl_.get(), to, IntSize(size)));
}

HttpSocket::Io HttpSocket::Write(absl::string_view bytes) {
  if (broken_) return {Kind::kClosed};
  if (!secure_) {
    return PlainOutcome(send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL), Kind::kWantWrite);
  }
  ERR_clear_error();
  return SslOutcome(SSL_write(ssl_.get(), bytes.data(), IntSize(bytes.size())));
}

void HttpSocket::EndWriting() {
  if (secure_ && !broken_ && SSL_is_init_finished(ssl_.get()) == 1) {
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  shutdown(fd(), SHUT_WR);
}

}  // namespace eldr

// The bytes of one connection, in plaintext or through TLS.
#ifndef ELDR_SERVER_HTTP_HTTP_SOCKET_H_
#define ELDR_SERVER_HTTP_HTTP_SOCKET_H_

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"
#include "server/base/openssl_handle.h"
#include "server/base/unique_fd.h"

namespace eldr {

// Never waits. TLS shakes hands within the first reads.
class HttpSocket {
 public:
  struct Io {
    enum class Kind : std::uint8_t {
      kBytes,      // `bytes` of them, at least one
      kWantRead,   // again once the socket is readable
      kWantWrite,  // again once it can be written to
      kClosed,     // by the peer, or broken
    };
    Kind kind;
    std::size_t bytes = 0;
  };

  // `context`: nullptr for plaintext.
  HttpSocket(UniqueFd socket, SSL_CTX* context);

  int fd() const { return socket_.get(); }
  Io Read(char* to, std::size_t size);
  Io Write(absl::string_view bytes);
  // Says that nothing more will be written; what comes can still be read.
  void EndWriting();

 private:
  Io SslOutcome(int returned);

  UniqueFd socket_;
  std::unique_ptr<SSL, OpensslFreer<SSL_free>> ssl_;
  bool secure_;
  bool broken_ = false;
};

}  // namespace eldr

#endif  // ELDR_SERVER_HTTP_HTTP_SOCKET_H_

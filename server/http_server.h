// The HTTP port: metrics and health, read only.
#ifndef ELDR_SERVER_HTTP_SERVER_H_
#define ELDR_SERVER_HTTP_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/config/config.h"
#include "server/config/listen_address.h"

namespace httplib {
class Server;
}

namespace eldr {

// cpp-httplib does the talking: a small server with threads of its own that can bind port 0, which
// the exposer of prometheus-cpp cannot, and serves more than metrics.
class HttpServer {
 public:
  // Both are called from several threads.
  struct Sources {
    std::function<std::string()> metrics;  // in Prometheus' text format
    std::function<bool()> ready;
    // Whether an `authorization` header may read the pages; unset: no header is needed. What health
    // checkers ask for is open to all.
    std::function<bool(absl::string_view authorization)> may_read = nullptr;
  };

  // Listens when it returns; with TLS if `tls` is given. UNAVAILABLE, naming the address, if that
  // is not possible.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const ListenAddress& address,
                                                           Sources sources,
                                                           const TlsConfig* tls = nullptr);
  ~HttpServer();

  // Ends what is being served, then stops listening.
  void Stop();

  // As bound: port 0 is replaced by the real one.
  const ListenAddress& address() const { return address_; }

 private:
  explicit HttpServer(std::unique_ptr<httplib::Server> server);
  void AddPages(Sources sources);

  std::unique_ptr<httplib::Server> server_;
  ListenAddress address_;
  std::thread thread_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_HTTP_SERVER_H_

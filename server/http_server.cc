#include "server/http_server.h"

#include <httplib.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace eldr {
namespace {

constexpr std::size_t kThreads = 4;
constexpr std::size_t kMaxPayloadBytes = 64 << 10;
constexpr char kText[] = "text/plain; charset=utf-8";

constexpr char kIndex[] =
    "eldrd\n"
    "  /metrics  Prometheus metrics\n"
    "  /livez    200 while the process lives\n"
    "  /readyz   200 while it takes calls, 503 once it shuts down\n"
    "  /health   the same as /readyz\n"
    "Placements, fleet and models are served by gRPC.\n";

// Each handshake reads the files anew, so that a replaced certificate serves at once: few connect
// to this port, and none in a hurry.
int UseCertificate(SSL* ssl, void* config) {
  const TlsConfig& tls = *static_cast<const TlsConfig*>(config);
  const bool used = SSL_use_certificate_chain_file(ssl, tls.certificate.c_str()) == 1 &&
                    SSL_use_PrivateKey_file(ssl, tls.key.c_str(), SSL_FILETYPE_PEM) == 1;
  ERR_clear_error();
  return used ? 1 : 0;
}

// The callback gets a copy of the configuration that lives as long as the server.
class TlsServer final : public httplib::SSLServer {
 public:
  explicit TlsServer(std::unique_ptr<TlsConfig> tls)
      : SSLServer([tls = tls.get()](SSL_CTX& context) {
          SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION);
          SSL_CTX_set_cert_cb(&context, UseCertificate, tls);
          return true;
        }),
        tls_(std::move(tls)) {}

 private:
  const std::unique_ptr<TlsConfig> tls_;
};

std::unique_ptr<httplib::Server> MakeServer(const TlsConfig* tls) {
  if (tls == nullptr) return std::make_unique<httplib::Server>();
  return std::make_unique<TlsServer>(std::make_unique<TlsConfig>(*tls));
}

bool IsHealth(const std::string& path) {
  return path == "/livez" || path == "/readyz" || path == "/health";
}

}  // namespace

HttpServer::HttpServer(std::unique_ptr<httplib::Server> server) : server_(std::move(server)) {}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const ListenAddress& address,
                                                              Sources sources,
                                                              const TlsConfig* tls) {
  std::unique_ptr<HttpServer> http(new HttpServer(MakeServer(tls)));
  httplib::Server& server = *http->server_;
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_payload_max_length(kMaxPayloadBytes);
  // A connection holds one of the few threads, so it is good for one request and a short time.
  server.set_keep_alive_max_count(1);
  server.set_read_timeout(2);
  server.set_write_timeout(5);
  // Only one daemon to a port: by default the library shares it silently.
  server.set_socket_options([](int socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
  http->AddPages(std::move(sources));

  http->address_ = address;
  errno = 0;
  if (address.port == 0) {
    http->address_.port = server.bind_to_any_port(address.host);
  } else if (!server.bind_to_port(address.host, address.port)) {
    http->address_.port = -1;
  }
  if (http->address_.port <= 0) {
    return absl::UnavailableError(absl::StrCat("http.listen: cannot listen on ", address.ToString(),
                                               ": ",
                                               errno == 0 ? "no such host" : strerror(errno)));
  }
  // The socket is bound, so connections queue until the thread serves them. The thread must run
  // before a stop is asked for: the library forgets an earlier one.
  http->thread_ = std::thread([&server] { server.listen_after_bind(); });
  while (!server.is_running()) std::this_thread::yield();
  return http;
}

HttpServer::~HttpServer() { Stop(); }

void HttpServer::Stop() {
  if (!thread_.joinable()) return;
  server_->stop();
  thread_.join();
}

void HttpServer::AddPages(Sources sources) {
  using httplib::Request;
  using httplib::Response;
  if (sources.may_read) {
    server_->set_pre_routing_handler([may_read = std::move(sources.may_read)](
                                         const Request& request, Response& response) {
      if (IsHealth(request.path) || may_read(request.get_header_value("Authorization"))) {
        return httplib::Server::HandlerResponse::Unhandled;
      }
      response.status = 401;
      response.set_header("WWW-Authenticate", "Bearer");
      response.set_content("expected \"Authorization: Bearer TOKEN\" with a known token\n", kText);
      return httplib::Server::HandlerResponse::Handled;
    });
  }
  server_->Get("/",
               [](const Request&, Response& response) { response.set_content(kIndex, kText); });
  server_->Get("/livez",
               [](const Request&, Response& response) { response.set_content("ok\n", kText); });
  const auto ready = [ready = std::move(sources.ready)](const Request&, Response& response) {
    if (ready()) {
      response.set_content("ok\n", kText);
    } else {
      response.status = 503;
      response.set_content("shutting down\n", kText);
    }
  };
  server_->Get("/readyz", ready);
  server_->Get("/health", ready);
  server_->Get("/metrics",
               [metrics = std::move(sources.metrics)](const Request&, Response& response) {
                 response.set_content(metrics(), "text/plain; version=0.0.4; charset=utf-8");
               });
}

}  // namespace eldr

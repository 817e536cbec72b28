#include "server/auth/tls_credentials.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include <string>

namespace eldr {
namespace {

grpc_ssl_client_certificate_request_type RequestOf(const TlsConfig& config) {
  if (config.client_ca.empty()) return GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;
  return config.client_certificates == "required"
             ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
             : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY;
}

// gRPC's C++ interface can follow files only by looking at them itself, at its own pace and whether
// they fit each other or not; its C interface asks at each handshake what to serve with.
class Credentials final : public grpc::ServerCredentials {
 public:
  Credentials(const TlsConfig& config, const TlsFiles& files)
      : files_(files),
        credentials_(grpc_ssl_server_credentials_create_with_options(
            grpc_ssl_server_credentials_create_options_using_config_fetcher(RequestOf(config),
                                                                            Fetch, this))) {}
  ~Credentials() override { grpc_server_credentials_release(credentials_); }

  void SetAuthMetadataProcessor(
      const std::shared_ptr<grpc::AuthMetadataProcessor>& /*processor*/) override {}

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  // Called by one thread at a time.
  static grpc_ssl_certificate_config_reload_status Fetch(
      void* self_pointer, grpc_ssl_server_certificate_config** answer) {
    auto& self = *static_cast<Credentials*>(self_pointer);
    std::shared_ptr<const TlsFiles::Loaded> current = self.files_.current();
    if (current == self.served_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    const TlsMaterial& material = current->material;
    const grpc_ssl_pem_key_cert_pair pair = {material.key.c_str(), material.certificate.c_str()};
    // There must be authorities even where no client certificate is asked for; any will do then.
    const std::string& authorities =
        material.client_ca.empty() ? material.certificate : material.client_ca;
    *answer = grpc_ssl_server_certificate_config_create(authorities.c_str(), &pair, 1);
    self.served_ = std::move(current);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  const TlsFiles& files_;
  std::shared_ptr<const TlsFiles::Loaded> served_;
  grpc_server_credentials* const credentials_;
};

}  // namespace

std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(const TlsConfig& config,
                                                               const TlsFiles& files) {
  return std::make_shared<Credentials>(config, files);
}

}  // namespace eldr

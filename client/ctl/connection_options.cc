#include "client/ctl/connection_options.h"

#include <string>

namespace eldr::ctl {

void AddConnectionOptions(CLI::App& app, client::Options& options) {
  app.add_option("--target", options.target, "The daemon: host:port or unix:/path")
      ->envname("ELDR_TARGET")
      ->capture_default_str();
  app.add_option("--proxy", options.http_proxy,
                 "Connect through this HTTP proxy, http://HOST:PORT [none, http_proxy or not]")
      ->envname("ELDR_PROXY")
      ->type_name("URL");
  const auto add_file = [&app](const char* flag, std::string& path, const char* variable,
                               const char* help) {
    app.add_option(flag, path, help)->envname(variable)->type_name("FILE");
  };
  add_file("--tls-ca", options.tls.ca_file, "ELDR_TLS_CA",
           "Use TLS, and trust daemons whose certificate these authorities signed");
  add_file("--tls-cert", options.tls.certificate_file, "ELDR_TLS_CERT",
           "The certificate to show the daemon");
  add_file("--tls-key", options.tls.key_file, "ELDR_TLS_KEY", "The key of --tls-cert");
  app.add_option("--tls-server-name", options.tls.server_name,
                 "The name in the daemon's certificate, if not the host of --target")
      ->envname("ELDR_TLS_SERVER_NAME");
  add_file("--token-file", options.token_file, "ELDR_TOKEN_FILE",
           "A file with the bearer token to send");
}

}  // namespace eldr::ctl

#include "client/src/channel_credentials.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"

namespace eldr::client::internal {
namespace {

constexpr unsigned kReloadSeconds = 60;

absl::Status CheckReadable(absl::string_view option, const std::string& path) {
  if (path.empty()) return absl::OkStatus();
  std::string why;
  struct stat status;
  errno = 0;
  if (stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    // To open a pipe would wait for whoever writes to it.
    why = "is a folder, pipe or device";
  } else {
    std::ifstream file(path);
    if (file.is_open() && file.peek() != std::ifstream::traits_type::eof()) return absl::OkStatus();
    why = errno == 0 ? "is empty" : absl::StrCat("cannot be read (", std::strerror(errno), ")");
  }
  return absl::InvalidArgumentError(absl::StrCat("Options.tls.", option, " is \"", path,
                                                 "\", which ", why,
                                                 ", expected the path of a file in PEM"));
}

absl::Status Check(const TlsOptions& tls) {
  if (tls.certificate_file.empty() != tls.key_file.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("Options.tls.", tls.key_file.empty() ? "key_file" : "certificate_file",
                     " is \"\", expected a path: a client certificate and its key go together"));
  }
  for (const auto& [option, path] :
       {std::pair("ca_file", tls.ca_file), std::pair("certificate_file", tls.certificate_file),
        std::pair("key_file", tls.key_file)}) {
    if (absl::Status status = CheckReadable(option, path); !status.ok()) return status;
  }
  if (!tls.certificate_file.empty() && tls.ca_file.empty()) {
    return absl::InvalidArgumentError(
        "Options.tls.ca_file is \"\", expected a path: with a client certificate, the file of the "
        "authority that signed the daemon's");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(
    const TlsOptions& tls) {
  if (absl::Status status = Check(tls); !status.ok()) return status;
  if (tls.ca_file.empty()) return grpc::InsecureChannelCredentials();
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          tls.key_file, tls.certificate_file, tls.ca_file, kReloadSeconds));
  options.watch_root_certs();
  if (!tls.certificate_file.empty()) options.watch_identity_key_cert_pairs();
  return grpc::experimental::TlsCredentials(options);
}

}  // namespace eldr::client::internal

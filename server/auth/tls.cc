#include "server/auth/tls.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/openssl_handle.h"

namespace eldr {
namespace {

absl::Status Refuse(absl::string_view key, absl::string_view path, absl::string_view got,
                    absl::string_view expected) {
  return absl::InvalidArgumentError(
      absl::StrCat(key, ": got \"", path, "\", ", got, "; expected ", expected));
}

absl::StatusOr<X509Ptr> ReadCertificate(absl::string_view key, const std::string& path) {
  constexpr char kExpected[] = "a file of certificates in PEM";
  const BioPtr file(BIO_new_file(path.c_str(), "r"));
  if (file == nullptr) return Refuse(key, path, "which cannot be read", kExpected);
  X509Ptr certificate(PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) return Refuse(key, path, "which holds none", kExpected);
  return certificate;
}

absl::StatusOr<KeyPtr> ReadKey(absl::string_view key, const std::string& path) {
  constexpr char kExpected[] = "a private key in PEM, without a passphrase";
  const BioPtr file(BIO_new_file(path.c_str(), "r"));
  if (file == nullptr) return Refuse(key, path, "which cannot be read", kExpected);
  // Without a callback the library would ask for a passphrase on the terminal.
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };
  KeyPtr pair(PEM_read_bio_PrivateKey(file.get(), nullptr, no_passphrase, nullptr));
  if (pair == nullptr) return Refuse(key, path, "which holds none", kExpected);
  return pair;
}

absl::Status Check(const TlsConfig& config) {
  const absl::StatusOr<X509Ptr> certificate =
      ReadCertificate("tls.certificate", config.certificate);
  if (!certificate.ok()) return certificate.status();
  const absl::StatusOr<KeyPtr> pair = ReadKey("tls.key", config.key);
  if (!pair.ok()) return pair.status();
  if (X509_check_private_key(certificate->get(), pair->get()) != 1) {
    return Refuse("tls.key", config.key, "which is of another certificate",
                  absl::StrCat("the key of ", config.certificate));
  }
  if (config.client_ca.empty()) return absl::OkStatus();
  return ReadCertificate("tls.client_ca", config.client_ca).status();
}

}  // namespace

absl::Status CheckTlsFiles(const TlsConfig& config) {
  absl::Status status = Check(config);
  ERR_clear_error();  // what failed is in the status; left here it would confuse the next handshake
  return status;
}

absl::StatusOr<absl::Time> FirstExpiry(absl::string_view key, const std::string& path) {
  const BioPtr file(BIO_new_file(path.c_str(), "r"));
  absl::Time first = absl::InfiniteFuture();
  while (file != nullptr) {
    const X509Ptr certificate(PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
    std::tm end{};
    if (certificate == nullptr ||
        ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) != 1) {
      break;
    }
    first = std::min(first, absl::FromTM(end, absl::UTCTimeZone()));
  }
  ERR_clear_error();  // the end of the file is one
  if (first < absl::InfiniteFuture()) return first;
  return Refuse(key, path, "which holds none", "a file of certificates in PEM");
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsConfig& config, absl::Duration reload_interval) {
  if (absl::Status status = CheckTlsFiles(config); !status.ok()) return status;
  const auto seconds =
      static_cast<unsigned>(std::max<std::int64_t>(1, absl::ToInt64Seconds(reload_interval)));
  grpc::experimental::TlsServerCredentialsOptions options(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          config.key, config.certificate, config.client_ca, seconds));
  options.watch_identity_key_cert_pairs();
  if (!config.client_ca.empty()) {
    options.watch_root_certs();
    options.set_cert_request_type(config.client_certificates == "required"
                                      ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                                      : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(options);
}

}  // namespace eldr

#include "server/auth/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <ctime>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/base/file_system.h"
#include "core/base/status_macros.h"
#include "server/base/openssl_handle.h"

namespace eldr {
namespace {

constexpr char kCertificates[] = "a file of certificates in PEM";
constexpr char kPrivateKey[] = "a private key in PEM, without a passphrase";
constexpr std::size_t kMaxTlsFileBytes = 1 << 20;

absl::Status Refuse(absl::string_view key, absl::string_view path, absl::string_view got,
                    absl::string_view expected) {
  return absl::InvalidArgumentError(
      absl::StrCat(key, ": got \"", path, "\", ", got, "; expected ", expected));
}

absl::StatusOr<std::string> ReadFile(absl::string_view key, const std::string& path,
                                     absl::string_view expected) {
  absl::StatusOr<std::string> text = ReadContents(path, kMaxTlsFileBytes);
  if (text.ok()) return text;
  const absl::string_view why =
      absl::StripPrefix(text.status().message(), absl::StrCat(path, ": "));
  return Refuse(key, path, absl::StrCat("which ", why), expected);
}

BioPtr Over(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

absl::Time TimeOf(const ASN1_TIME* time, absl::Time otherwise) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? absl::FromTM(parts, absl::UTCTimeZone()) : otherwise;
}

std::string SubjectOf(X509* certificate) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

// All certificates of a file, and their terms.
absl::StatusOr<std::vector<X509Ptr>> ParseCertificates(absl::string_view key,
                                                       const std::string& path,
                                                       const std::string& pem,
                                                       std::vector<CertificateTerm>& terms) {
  const BioPtr file = Over(pem);
  std::vector<X509Ptr> all;
  while (X509* const next = PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr)) {
    all.emplace_back(next);
    terms.push_back({.key = key,
                     .file = path,
                     .subject = SubjectOf(next),
                     .start = TimeOf(X509_get0_notBefore(next), absl::InfinitePast()),
                     .end = TimeOf(X509_get0_notAfter(next), absl::InfiniteFuture())});
  }
  // Other than at the end of the file there is one that is broken: it would be left out silently.
  const unsigned long error = ERR_peek_last_error();
  const bool at_end =
      ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (all.empty()) return Refuse(key, path, "which holds none", kCertificates);
  if (!at_end) {
    return Refuse(key, path, absl::StrCat("whose certificate ", all.size() + 1, " is broken"),
                  kCertificates);
  }
  return all;
}

KeyPtr ParseKey(const std::string& pem) {
  // Without a callback the library would ask for a passphrase on the terminal.
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };
  return KeyPtr(PEM_read_bio_PrivateKey(Over(pem).get(), nullptr, no_passphrase, nullptr));
}

absl::StatusOr<TlsMaterial> Read(const TlsConfig& config) {
  TlsMaterial material;
  ELDR_ASSIGN_OR_RETURN(material.certificate,
                        ReadFile("tls.certificate", config.certificate, kCertificates));
  std::vector<X509Ptr> chain;
  ELDR_ASSIGN_OR_RETURN(chain, ParseCertificates("tls.certificate", config.certificate,
                                                 material.certificate, material.terms));
  ELDR_ASSIGN_OR_RETURN(material.key, ReadFile("tls.key", config.key, kPrivateKey));
  const KeyPtr pair = ParseKey(material.key);
  if (pair == nullptr) return Refuse("tls.key", config.key, "which holds none", kPrivateKey);
  if (X509_check_private_key(chain.front().get(), pair.get()) != 1) {
    return Refuse("tls.key", config.key, "which is of another certificate",
                  absl::StrCat("the key of ", config.certificate));
  }
  if (config.client_ca.empty()) return material;
  ELDR_ASSIGN_OR_RETURN(material.client_ca,
                        ReadFile("tls.client_ca", config.client_ca, kCertificates));
  ELDR_RETURN_IF_ERROR(
      ParseCertificates("tls.client_ca", config.client_ca, material.client_ca, material.terms)
          .status());
  return material;
}

bool Use(const TlsMaterial& material, SSL_CTX* context) {
  std::vector<CertificateTerm> unused;
  absl::StatusOr<std::vector<X509Ptr>> chain =
      ParseCertificates("tls.certificate", "", material.certificate, unused);
  const KeyPtr pair = ParseKey(material.key);
  if (!chain.ok() || pair == nullptr ||
      SSL_CTX_use_certificate(context, chain->front().get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, pair.get()) != 1) {
    return false;
  }
  for (std::size_t i = 1; i < chain->size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, (*chain)[i].get()) != 1) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<TlsMaterial> ReadTlsFiles(const TlsConfig& config) {
  ERR_clear_error();
  absl::StatusOr<TlsMaterial> material = Read(config);
  ERR_clear_error();  // what failed is in the status; left here it would confuse the next handshake
  return material;
}

absl::StatusOr<SslContextPtr> MakeServerContext(const TlsMaterial& material) {
  SslContextPtr context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  const bool used = context != nullptr &&
                    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) == 1 &&
                    Use(material, context.get());
  ERR_clear_error();
  if (!used) return absl::InvalidArgumentError("tls.certificate: the library does not accept it");
  // Writes go on with what is left, from wherever it is by then.
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

}  // namespace eldr

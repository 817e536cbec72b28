#include "tests/server/test_authority.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <fstream>

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

namespace eldr {
namespace {

template <typename Write>
std::string Pem(Write&& write) {
  BIO* const memory = BIO_new(BIO_s_mem());
  EXPECT_EQ(write(memory), 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(memory);
  return text;
}

std::string Pem(X509* certificate) {
  return Pem([certificate](BIO* out) { return PEM_write_bio_X509(out, certificate); });
}

void AddExtension(X509* certificate, int kind, const std::string& value) {
  X509_EXTENSION* const extension =
      X509V3_EXT_conf_nid(nullptr, nullptr, kind, const_cast<char*>(value.c_str()));
  ASSERT_NE(extension, nullptr) << value;
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace

TestAuthority::TestAuthority(const std::string& name) : key_(EVP_EC_gen("P-256")) {
  self_ = MakeCertificate(name, key_.get(), serial_);
  X509_set_issuer_name(self_.get(), X509_get_subject_name(self_.get()));
  AddExtension(self_.get(), NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(self_.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  EXPECT_GT(X509_sign(self_.get(), key_.get(), EVP_sha256()), 0);
  pem_ = Pem(self_.get());
}

TestCertificate TestAuthority::Issue(const std::string& common_name,
                                     const std::vector<std::string>& names, int days) {
  const KeyPtr key(EVP_EC_gen("P-256"));
  const X509Ptr certificate = MakeCertificate(common_name, key.get(), ++serial_, days);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(self_.get()));
  if (!names.empty()) {
    AddExtension(certificate.get(), NID_subject_alt_name, absl::StrJoin(names, ","));
  }
  EXPECT_GT(X509_sign(certificate.get(), key_.get(), EVP_sha256()), 0);
  return {.certificate = Pem(certificate.get()),
          .key = Pem([&key](BIO* out) {
            return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

X509Ptr TestAuthority::MakeCertificate(const std::string& common_name, EVP_PKEY* key, long serial,
                                       int days) {
  X509Ptr certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), days * 86'400L);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  return certificate;
}

void ReplaceFile(const std::string& path, const std::string& contents) {
  const std::string unfinished = path + ".new";
  std::ofstream(unfinished) << contents;
  ASSERT_EQ(std::rename(unfinished.c_str(), path.c_str()), 0) << path;
}

}  // namespace eldr

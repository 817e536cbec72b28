// OpenSSL's objects, freed with their owners.
#ifndef ELDR_SERVER_BASE_OPENSSL_HANDLE_H_
#define ELDR_SERVER_BASE_OPENSSL_HANDLE_H_

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>

namespace eldr {

template <auto release>
struct OpensslFreer {
  template <typename Object>
  void operator()(Object* object) const {
    release(object);
  }
};
using BioPtr = std::unique_ptr<BIO, OpensslFreer<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, OpensslFreer<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslFreer<EVP_PKEY_free>>;
// Shared by the connections that are served with it.
using SslContextPtr = std::shared_ptr<SSL_CTX>;

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_OPENSSL_HANDLE_H_

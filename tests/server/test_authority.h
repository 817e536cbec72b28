// Makes certificates for tests.
#ifndef ELDR_TESTS_SERVER_TEST_AUTHORITY_H_
#define ELDR_TESTS_SERVER_TEST_AUTHORITY_H_

#include <string>
#include <vector>

#include "server/base/openssl_handle.h"

namespace eldr {

// A certificate and its private key, both in PEM.
struct TestCertificate {
  std::string certificate;
  std::string key;
};

// A certificate authority that lives for a test.
class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name);

  // The authority's own certificate in PEM.
  const std::string& certificate() const { return pem_; }
  // A new key and its certificate, of some days. `names` are subject alternative names as openssl
  // writes them ("DNS:localhost"); none: the common name is all.
  TestCertificate Issue(const std::string& common_name, const std::vector<std::string>& names,
                        int days = 1);

 private:
  static X509Ptr MakeCertificate(const std::string& common_name, EVP_PKEY* key, long serial,
                                 int days = 1);

  KeyPtr key_;
  X509Ptr self_;
  std::string pem_;
  long serial_ = 1;
};

// Replaces the file in one step, as those who rotate certificates and tokens do.
void ReplaceFile(const std::string& path, const std::string& contents);

}  // namespace eldr

#endif  // ELDR_TESTS_SERVER_TEST_AUTHORITY_H_

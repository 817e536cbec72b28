// A directory of a test's own, gone with the object.
#ifndef ELDR_TESTS_SUPPORT_TEMP_DIR_H_
#define ELDR_TESTS_SUPPORT_TEMP_DIR_H_

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "gtest/gtest.h"

namespace eldr {

class TempDir {
 public:
  TempDir() : path_(::testing::TempDir() + "/eldr_test_XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << path_ << " cannot be made";
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace eldr

#endif  // ELDR_TESTS_SUPPORT_TEMP_DIR_H_

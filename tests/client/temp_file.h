// Files for tests of what eldrctl reads.
#ifndef ELDR_TESTS_CLIENT_TEMP_FILE_H_
#define ELDR_TESTS_CLIENT_TEMP_FILE_H_

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace eldr::ctl {

// A file with these contents, removed at the end of the test.
class TempFile {
 public:
  explicit TempFile(absl::string_view contents, absl::string_view suffix = "")
      : path_(absl::StrCat(::testing::TempDir(), "/eldrctl_test_", getpid(), "_", Next(), suffix)) {
    std::ofstream(path_, std::ios::binary)
        .write(contents.data(), static_cast<std::streamsize>(contents.size()));
  }
  ~TempFile() { std::remove(path_.c_str()); }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;

  const std::string& path() const { return path_; }

 private:
  static int Next() {
    static std::atomic<int> count = 0;
    return ++count;
  }

  const std::string path_;
};

// A .npy file, version 1, as numpy writes it.
inline std::string NpyBytes(absl::string_view type, absl::string_view shape,
                            absl::string_view data) {
  std::string header =
      absl::StrCat("{'descr': '", type, "', 'fortran_order': False, 'shape': (", shape, "), }");
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string bytes("\x93NUMPY\1\0", 8);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  return absl::StrCat(bytes, header, data);
}

}  // namespace eldr::ctl

#endif  // ELDR_TESTS_CLIENT_TEMP_FILE_H_

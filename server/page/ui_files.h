// The files of server/ui, as the build put them into the program.
#ifndef ELDR_SERVER_PAGE_UI_FILES_H_
#define ELDR_SERVER_PAGE_UI_FILES_H_

#include <cstddef>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace eldr {

struct UiFile {
  absl::string_view path;  // below server/ui, "js/main.js"
  absl::string_view hash;  // SHA-256 of its bytes, in hexadecimal digits
  const unsigned char* gzip;
  std::size_t gzip_size;
  std::size_t size;  // of its bytes

  absl::string_view gzip_bytes() const {
    return absl::string_view(reinterpret_cast<const char*>(gzip), gzip_size);
  }
};

// Ordered by path. server/ui_files.cmake writes it.
absl::Span<const UiFile> UiFiles();

}  // namespace eldr

#endif  // ELDR_SERVER_PAGE_UI_FILES_H_

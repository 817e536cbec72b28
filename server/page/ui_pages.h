// The live page: its files under /ui/.
#ifndef ELDR_SERVER_PAGE_UI_PAGES_H_
#define ELDR_SERVER_PAGE_UI_PAGES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/http/http_page.h"
#include "server/page/ui_files.h"

namespace eldr {

inline constexpr char kUiPath[] = "/ui/";

// Thread-safe.
class UiPages {
 public:
  // Unpacks `files`, which outlive it, once.
  explicit UiPages(absl::Span<const UiFile> files);

  // `path` without kUiPath; empty: index.html. The answer's bytes live as long as this.
  HttpResponse Answer(absl::string_view path, const HttpRequest& request) const;

 private:
  struct File {
    const UiFile* packed;
    std::string bytes;
    std::string etag;
    const char* type;
  };
  const File* Find(absl::string_view path) const;

  std::vector<File> files_;
};

// /ui leads to /ui/, where the files are. They need no token: what they show does.
std::vector<HttpPage> MakeUiPages(std::shared_ptr<const UiPages> pages);
// An answer that leads to `location`, which is relative, so that it holds behind a path prefix too.
HttpResponse LeadTo(absl::string_view location, std::string body);

}  // namespace eldr

#endif  // ELDR_SERVER_PAGE_UI_PAGES_H_

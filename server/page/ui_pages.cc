#include "server/page/ui_pages.h"

#include <zlib.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/http/content_coding.h"

namespace eldr {
namespace {

// Nothing from elsewhere, nothing inline, and nobody may frame it.
constexpr absl::string_view kSecurityHeaders =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src "
    "'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n";

struct MediaType {
  const char* ending;
  const char* type;
};
constexpr MediaType kMediaTypes[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".json", "application/json; charset=utf-8"},
    {".webmanifest", "application/manifest+json; charset=utf-8"},
    {".txt", "text/plain; charset=utf-8"},
};

const char* MediaTypeOf(absl::string_view path) {
  for (const MediaType& type : kMediaTypes) {
    if (absl::EndsWith(path, type.ending)) return type.type;
  }
  return "application/octet-stream";
}

// REQUIRES: what gzip made of `size` bytes.
std::string Unpack(absl::string_view packed, std::size_t size) {
  std::string bytes(size, '\0');
  z_stream stream{};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(size);
  inflateInit2(&stream, 16 + MAX_WBITS);  // 16: the form of gzip
  inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  return bytes;
}

bool Knows(absl::string_view if_none_match, absl::string_view etag) {
  for (absl::string_view tag : absl::StrSplit(if_none_match, ',')) {
    tag = absl::StripPrefix(absl::StripAsciiWhitespace(tag), "W/");
    if (tag == etag || tag == "*") return true;
  }
  return false;
}

}  // namespace

UiPages::UiPages(absl::Span<const UiFile> files) {
  for (const UiFile& file : files) {
    files_.push_back({&file, Unpack(file.gzip_bytes(), file.size),
                      absl::StrCat("\"", file.hash.substr(0, 32), "\""), MediaTypeOf(file.path)});
  }
}

const UiPages::File* UiPages::Find(absl::string_view path) const {
  for (const File& file : files_) {
    if (file.packed->path == path) return &file;
  }
  return nullptr;
}

HttpResponse UiPages::Answer(absl::string_view path, const HttpRequest& request) const {
  const File* const file = Find(path.empty() ? "index.html" : path);
  if (file == nullptr) {
    return {.status = 404,
            .body = "no such file of the page\n",
            .more_headers = std::string(kSecurityHeaders)};
  }
  HttpResponse response{.type = file->type, .cache_control = "no-cache"};
  response.more_headers =
      absl::StrCat(kSecurityHeaders, "ETag: W/", file->etag, "\r\nVary: Accept-Encoding\r\n");
  if (Knows(request.if_none_match, file->etag)) {
    response.status = 304;
  } else if (QualityOf(request.accept_encoding, "gzip") > 0) {
    response.fixed_body = file->packed->gzip_bytes();
    absl::StrAppend(&response.more_headers, "Content-Encoding: gzip\r\n");
  } else {
    response.fixed_body = file->bytes;
  }
  return response;
}

HttpResponse LeadTo(absl::string_view location, std::string body) {
  return {.status = 302,
          .body = std::move(body),
          .more_headers = absl::StrCat("Location: ", location, "\r\n")};
}

std::vector<HttpPage> MakeUiPages(std::shared_ptr<const UiPages> pages) {
  return {
      {.path = "/ui",
       .kind = HttpPage::Kind::kAtOnce,
       .needs_token = false,
       .handler = [](const HttpRequest&) { return LeadTo("ui/", "the page is at ui/\n"); }},
      {.path = kUiPath,
       .and_below = true,
       .kind = HttpPage::Kind::kAtOnce,
       .needs_token = false,
       .handler =
           [pages = std::move(pages)](const HttpRequest& request) {
             return pages->Answer(absl::StripPrefix(request.path, kUiPath), request);
           }},
  };
}

}  // namespace eldr

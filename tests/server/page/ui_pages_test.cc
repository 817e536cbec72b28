#include "server/page/ui_pages.h"

#include <zlib.h>

#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"

namespace eldr {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class UiPagesTest : public ::testing::Test {
 protected:
  HttpResponse Answer(const std::string& path, HttpRequest request = {}) const {
    return pages_.Answer(path, request);
  }
  const UiPages pages_{UiFiles()};
};

TEST_F(UiPagesTest, TheFolderIsItsIndex) {
  const HttpResponse index = Answer("");
  EXPECT_EQ(index.status, 200);
  EXPECT_THAT(index.type, StartsWith("text/html"));
  EXPECT_THAT(std::string(index.fixed_body), HasSubstr("<html"));
  EXPECT_EQ(index.fixed_body, Answer("index.html").fixed_body);
  EXPECT_EQ(index.cache_control, "no-cache");
  EXPECT_THAT(index.more_headers,
              AllOf(HasSubstr("Content-Security-Policy: default-src 'none'; script-src 'self';"),
                    HasSubstr("frame-ancestors 'none'"), Not(HasSubstr("unsafe")),
                    HasSubstr("Referrer-Policy: no-referrer\r\n"), HasSubstr("ETag: W/\"")));
}

TEST_F(UiPagesTest, EveryFileIsWholeAndHasATypeThatBrowsersTake) {
  std::set<std::string> etags;
  std::size_t bytes = 0;
  for (const UiFile& file : UiFiles()) {
    const HttpResponse answer = Answer(std::string(file.path));
    EXPECT_EQ(answer.status, 200) << file.path;
    EXPECT_EQ(answer.fixed_body.size(), file.size) << file.path;
    EXPECT_NE(answer.type, "application/octet-stream") << file.path;
    // gzip ends with the size and before that the checksum of what it packed.
    const absl::string_view packed = file.gzip_bytes();
    std::uint32_t crc = 0;
    for (int i = 0; i < 4; ++i) {
      crc |= std::uint32_t{static_cast<unsigned char>(
                 packed[packed.size() - 8 + static_cast<std::size_t>(i)])}
             << (8 * i);
    }
    EXPECT_EQ(crc32(0, reinterpret_cast<const Bytef*>(answer.fixed_body.data()),
                    static_cast<uInt>(answer.fixed_body.size())),
              crc)
        << file.path;
    etags.insert(answer.more_headers);
    bytes += file.size;
  }
  EXPECT_EQ(etags.size(), UiFiles().size()) << "no two files have one tag";
  EXPECT_LT(bytes, 300'000u) << "the page stays small";
}

TEST_F(UiPagesTest, PackedOnlyForWhoTakesIt) {
  const auto packed = [this](const std::string& accepted) {
    const HttpResponse answer = Answer("index.html", {.accept_encoding = accepted});
    const bool says = absl::StrContains(answer.more_headers, "Content-Encoding: gzip\r\n");
    EXPECT_EQ(says, absl::StartsWith(answer.fixed_body, "\x1f\x8b")) << accepted;
    EXPECT_THAT(answer.more_headers, HasSubstr("Vary: Accept-Encoding\r\n"));
    return says;
  };
  for (const char* const accepted :
       {"gzip", "deflate, gzip;q=0.5, br", "GZIP", "gzip;q=1.0", "gzip; q=0.001"}) {
    EXPECT_TRUE(packed(accepted)) << accepted;
  }
  for (const char* const accepted : {"", "identity", "gzip;q=0", "gzip;q=0.000", "br", "xgzip"}) {
    EXPECT_FALSE(packed(accepted)) << accepted;
  }
}

TEST_F(UiPagesTest, WhoHasItIsNotSentItAgain) {
  const std::string headers = Answer("index.html").more_headers;
  const std::size_t at = headers.find("ETag: ") + 6;
  const std::string etag = headers.substr(at, headers.find("\r\n", at) - at);
  for (const std::string& known : {etag, absl::StrCat("\"x\", ", etag), std::string("*")}) {
    const HttpResponse answer = Answer("index.html", {.if_none_match = known});
    EXPECT_EQ(answer.status, 304) << known;
    EXPECT_TRUE(answer.fixed_body.empty());
    EXPECT_THAT(SerializeHttpResponse(answer, false),
                AllOf(StartsWith("HTTP/1.1 304 Not Modified\r\n"), HasSubstr(etag),
                      Not(HasSubstr("Content-Length"))));
  }
  EXPECT_EQ(Answer("index.html", {.if_none_match = "\"x\""}).status, 200);
}

TEST_F(UiPagesTest, NothingButItsFilesIsThere) {
  for (const char* const path :
       {"nothing", "../pages.cc", "%2e%2e/pages.cc", "INDEX.HTML", "js", "js/", "/index.html"}) {
    EXPECT_EQ(Answer(path).status, 404) << path;
  }
}

}  // namespace
}  // namespace eldr

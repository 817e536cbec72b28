#include "client/scrape/http_fetch.h"

#include <curl/curl.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace eldr::scrape {
namespace {

constexpr std::size_t kMaxHeaderBytes = 64 << 10;

absl::Status CheckUrl(const std::string& url) {
  bool good = absl::StartsWith(url, "http://") || absl::StartsWith(url, "https://");
  CURLU* const parsed = curl_url();
  good =
      good && parsed != nullptr && curl_url_set(parsed, CURLUPART_URL, url.c_str(), 0) == CURLUE_OK;
  curl_url_cleanup(parsed);
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("\"", url, "\" is no URL, expected http://HOST[:PORT][/PATH] or https://..."));
}

}  // namespace

struct PageFetcher::Handle {
  explicit Handle(std::size_t max) : max_bytes(max), curl(curl_easy_init()) {}
  ~Handle() { curl_easy_cleanup(curl); }

  void Begin() {
    body.clear();
    body_left = max_bytes;
    headers_left = kMaxHeaderBytes;
    too_large = false;
    error[0] = '\0';
  }
  // libcurl ends a transfer of which less was taken than it had.
  std::size_t Take(std::size_t size, std::size_t& left) {
    if (size > left) {
      too_large = true;
      return 0;
    }
    left -= size;
    return size;
  }
  static std::size_t TakeBody(char* bytes, std::size_t, std::size_t size, void* user) {
    auto& self = *static_cast<Handle*>(user);
    const std::size_t taken = self.Take(size, self.body_left);
    self.body.append(bytes, taken);
    return taken;
  }
  static std::size_t TakeHeader(char*, std::size_t, std::size_t size, void* user) {
    auto& self = *static_cast<Handle*>(user);
    return self.Take(size, self.headers_left);
  }

  const std::size_t max_bytes;
  CURL* const curl;
  // Of the answer that comes in, and what it may still take.
  std::string body;
  std::size_t body_left = 0;
  std::size_t headers_left = 0;
  bool too_large = false;
  char error[CURL_ERROR_SIZE] = "";
};

absl::StatusOr<std::unique_ptr<PageFetcher>> PageFetcher::Create(std::string url, Options options) {
  if (absl::Status status = CheckUrl(url); !status.ok()) return status;
  auto handle = std::make_unique<Handle>(options.max_bytes);
  CURL* const curl = handle->curl;
  if (curl == nullptr) return absl::InternalError("libcurl gives no handle");
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  // A look-up of a name that hangs is left to end by itself.
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(curl, CURLOPT_HTTP09_ALLOWED, 0L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "eldr");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(absl::ToInt64Milliseconds(options.timeout)));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, Handle::TakeBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, handle.get());
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, Handle::TakeHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, handle.get());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, handle->error);
  return std::unique_ptr<PageFetcher>(new PageFetcher(std::move(url), std::move(handle)));
}

PageFetcher::PageFetcher(std::string url, std::unique_ptr<Handle> handle)
    : url_(std::move(url)), handle_(std::move(handle)) {}

PageFetcher::~PageFetcher() = default;

absl::StatusOr<PageFetcher::Page> PageFetcher::Fetch() {
  handle_->Begin();
  const CURLcode code = curl_easy_perform(handle_->curl);
  if (code != CURLE_OK) {
    const auto message = [&](absl::string_view why) { return absl::StrCat(url_, ": ", why); };
    if (handle_->too_large) {
      return absl::ResourceExhaustedError(
          message(absl::StrCat("the answer is larger than ", handle_->max_bytes, " bytes")));
    }
    const absl::string_view why =
        handle_->error[0] == '\0' ? curl_easy_strerror(code) : handle_->error;
    if (code == CURLE_OPERATION_TIMEDOUT) return absl::DeadlineExceededError(message(why));
    return absl::UnavailableError(message(why));
  }
  long status = 0;
  curl_easy_getinfo(handle_->curl, CURLINFO_RESPONSE_CODE, &status);
  return Page{.status = static_cast<int>(status), .body = std::move(handle_->body)};
}

}  // namespace eldr::scrape

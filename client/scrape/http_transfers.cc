#include "client/scrape/http_transfers.h"

#include <curl/curl.h>

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace eldr::scrape {
namespace {

constexpr std::size_t kMaxHeaderBytes = 64 << 10;
// A peer that vanished is noticed though nothing is sent to it.
constexpr long kKeepAliveSeconds = 15;

void SetLimits(CURL* curl) {
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  // A look-up of a name that hangs is left to end by itself.
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(curl, CURLOPT_HTTP09_ALLOWED, 0L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "eldr");
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPIDLE, kKeepAliveSeconds);
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPINTVL, kKeepAliveSeconds);
}

}  // namespace

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

struct HttpTransfers::Transfer {
  explicit Transfer(Request what) : request(std::move(what)), curl(curl_easy_init()) {}
  ~Transfer() {
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  void Prepare();
  int StatusNow() const {
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
  }
  absl::StatusOr<Answer> Outcome(CURLcode code);

  // libcurl ends a transfer of which less was taken than it had.
  std::size_t Take(absl::string_view bytes);
  std::size_t TakeHeader(absl::string_view line);
  static std::size_t OnBody(char* bytes, std::size_t, std::size_t size, void* user) {
    return static_cast<Transfer*>(user)->Take({bytes, size});
  }
  static std::size_t OnHeader(char* bytes, std::size_t, std::size_t size, void* user) {
    return static_cast<Transfer*>(user)->TakeHeader({bytes, size});
  }

  const Request request;
  CURL* const curl;
  curl_slist* headers = nullptr;
  std::string body;
  std::size_t headers_left = kMaxHeaderBytes;
  bool too_large = false;
  bool not_wanted = false;
  char error[CURL_ERROR_SIZE] = "";
};

void HttpTransfers::Transfer::Prepare() {
  SetLimits(curl);
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PRIVATE, this);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(absl::ToInt64Milliseconds(request.timeout)));
  if (!request.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, request.ca_file.c_str());
  for (const std::string& header : request.headers) {
    headers = curl_slist_append(headers, header.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
}

std::size_t HttpTransfers::Transfer::Take(absl::string_view bytes) {
  if (request.on_bytes) {
    not_wanted = !request.on_bytes(StatusNow(), bytes);
    return not_wanted ? 0 : bytes.size();
  }
  if (bytes.size() > request.max_bytes - body.size()) {
    too_large = true;
    return 0;
  }
  body.append(bytes.data(), bytes.size());
  return bytes.size();
}

std::size_t HttpTransfers::Transfer::TakeHeader(absl::string_view line) {
  if (line.size() > headers_left) {
    too_large = true;
    return 0;
  }
  headers_left -= line.size();
  // An empty line ends them; those of a 100 do not count.
  if (line == "\r\n" && request.on_headers && StatusNow() >= 200) request.on_headers(StatusNow());
  return line.size();
}

absl::StatusOr<HttpTransfers::Answer> HttpTransfers::Transfer::Outcome(CURLcode code) {
  if (code == CURLE_OK) return Answer{.status = StatusNow(), .body = std::move(body)};
  const auto message = [&](absl::string_view why) { return absl::StrCat(request.url, ": ", why); };
  if (not_wanted) return absl::CancelledError(message("not wanted any more"));
  if (too_large) {
    return absl::ResourceExhaustedError(
        message(absl::StrCat("the answer is larger than ", request.max_bytes, " bytes")));
  }
  const absl::string_view why = error[0] == '\0' ? curl_easy_strerror(code) : error;
  if (code == CURLE_OPERATION_TIMEDOUT) return absl::DeadlineExceededError(message(why));
  return absl::UnavailableError(message(why));
}

struct HttpTransfers::State {
  // Calls `on_done` of those that have ended; true if there were any.
  bool TellOfEnds();

  CURLM* const multi = curl_multi_init();
  std::map<CURL*, std::unique_ptr<Transfer>> running;
};

bool HttpTransfers::State::TellOfEnds() {
  std::vector<std::pair<std::unique_ptr<Transfer>, CURLcode>> ended;
  int left = 0;
  while (const CURLMsg* const message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const auto transfer = running.find(message->easy_handle);
    ended.emplace_back(std::move(transfer->second), message->data.result);
    running.erase(transfer);
  }
  for (auto& [transfer, code] : ended) {
    curl_multi_remove_handle(multi, transfer->curl);
    transfer->request.on_done(transfer->Outcome(code));
  }
  return !ended.empty();
}

HttpTransfers::HttpTransfers() : state_(std::make_unique<State>()) {}

HttpTransfers::~HttpTransfers() {
  EndAll();
  curl_multi_cleanup(state_->multi);
}

void HttpTransfers::EndAll() {
  for (const auto& [curl, transfer] : state_->running) {
    curl_multi_remove_handle(state_->multi, curl);
  }
  state_->running.clear();
}

absl::Status HttpTransfers::Begin(Request request) {
  if (absl::Status status = CheckUrl(request.url); !status.ok()) return status;
  auto transfer = std::make_unique<Transfer>(std::move(request));
  CURL* const curl = transfer->curl;
  if (curl == nullptr || state_->multi == nullptr) {
    return absl::InternalError("libcurl gives no handle");
  }
  transfer->Prepare();
  curl_multi_add_handle(state_->multi, curl);
  state_->running.emplace(curl, std::move(transfer));
  return absl::OkStatus();
}

void HttpTransfers::Run(absl::Duration wait) {
  int running = 0;
  curl_multi_perform(state_->multi, &running);
  if (state_->TellOfEnds()) return;
  const auto milliseconds =
      std::clamp<std::int64_t>(absl::ToInt64Milliseconds(absl::Ceil(wait, absl::Milliseconds(1))),
                               0, std::numeric_limits<int>::max());
  curl_multi_poll(state_->multi, nullptr, 0, static_cast<int>(milliseconds), nullptr);
  curl_multi_perform(state_->multi, &running);
  state_->TellOfEnds();
}

void HttpTransfers::Wake() { curl_multi_wakeup(state_->multi); }

std::size_t HttpTransfers::running() const { return state_->running.size(); }

}  // namespace eldr::scrape

#include "server/discovery/kube_api.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/file_system.h"
#include "core/base/status_macros.h"
#include "server/discovery/kube_objects.h"

namespace eldr {
namespace {

constexpr std::size_t kMaxCredentialBytes = 64 << 10;
constexpr absl::Duration kGetTimeout = absl::Seconds(30);
constexpr std::size_t kMaxErrorBytes = 64 << 10;

using Answer = scrape::HttpTransfers::Answer;
using Request = scrape::HttpTransfers::Request;

// A credential's text without the white space around it. INVALID_ARGUMENT if a header cannot hold
// it.
absl::StatusOr<std::string> ReadLine(const std::string& path) {
  ELDR_ASSIGN_OR_RETURN(const std::string text, ReadContents(path, kMaxCredentialBytes));
  const absl::string_view line = absl::StripAsciiWhitespace(text);
  const bool printable = std::all_of(line.begin(), line.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c));
  });
  if (!line.empty() && printable) return std::string(line);
  return absl::InvalidArgumentError(absl::StrCat(path, ": expected one line of text"));
}

absl::StatusCode CodeOf(int http_status) {
  switch (http_status) {
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
      return absl::StatusCode::kNotFound;
    case 410:
      return absl::StatusCode::kOutOfRange;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

absl::Status ErrorOf(const std::string& url, int http_status, absl::string_view body) {
  const std::string message = KubeMessage(body);
  return absl::Status(CodeOf(http_status), absl::StrCat(url, ": answers ", http_status,
                                                        message.empty() ? "" : ": ", message));
}

// Cuts what comes into lines.
class Lines {
 public:
  // False once it takes no more: status() says why.
  bool Take(absl::string_view bytes,
            const std::function<absl::Status(absl::string_view)>& on_line) {
    while (status_.ok()) {
      const std::size_t end = bytes.find('\n');
      const std::size_t size = std::min(end, bytes.size());
      if (begun_.size() + size > KubeApi::kMaxLineBytes) {
        status_ = absl::InvalidArgumentError(absl::StrCat("got a line that is longer than ",
                                                          KubeApi::kMaxLineBytes,
                                                          " bytes, expected an event"));
        break;
      }
      begun_.append(bytes.data(), size);
      if (end == absl::string_view::npos) break;
      bytes.remove_prefix(end + 1);
      if (!begun_.empty()) status_ = on_line(begun_);
      begun_.clear();
      // An event of some megabytes is rare, and shall not take its room for ever.
      if (begun_.capacity() > kKeptBytes) begun_ = std::string();
    }
    return status_.ok();
  }
  const absl::Status& status() const { return status_; }

 private:
  static constexpr std::size_t kKeptBytes = 128 << 10;

  std::string begun_;
  absl::Status status_;
};

}  // namespace

std::string KubeApi::Escape(absl::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_') {
      escaped += c;
    } else {
      absl::StrAppend(&escaped, "%",
                      absl::AsciiStrToUpper(
                          absl::StrCat(absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2))));
    }
  }
  return escaped;
}

absl::StatusOr<std::string> KubeApi::Namespace() const {
  std::string name = config_.name_space;
  if (name.empty()) {
    ELDR_ASSIGN_OR_RETURN(name, ReadLine(absl::StrCat(config_.credentials, "/namespace")));
  }
  if (IsKubeName(name)) return name;
  return absl::InvalidArgumentError(
      absl::StrCat("namespace: got \"", name, "\", expected the name of one"));
}

absl::StatusOr<Request> KubeApi::NewRequest(absl::string_view path) const {
  Request request{.url = absl::StrCat(config_.api_server, path),
                  .headers = {"Accept: application/json"},
                  .timeout = kGetTimeout,
                  .max_bytes = kMaxBodyBytes,
                  .on_done = nullptr};
  const bool tls = absl::StartsWith(config_.api_server, "https:");
  if (tls) request.ca_file = absl::StrCat(config_.credentials, "/ca.crt");
  const auto token = ReadLine(absl::StrCat(config_.credentials, "/token"));
  if (token.ok()) {
    request.headers.push_back(absl::StrCat("Authorization: Bearer ", *token));
  } else if (tls) {
    return token.status();  // a proxy on this machine may have its own
  }
  return request;
}

absl::StatusOr<Answer> KubeApi::Perform(Request request) {
  std::optional<absl::StatusOr<Answer>> answer;
  request.on_done = [&answer](absl::StatusOr<Answer> done) { answer = std::move(done); };
  ELDR_RETURN_IF_ERROR(transfers_.Begin(std::move(request)));
  while (!answer && !stopped_.load()) transfers_.Run(absl::Minutes(1));
  if (answer) return *std::move(answer);
  transfers_.EndAll();
  return absl::CancelledError("stopped");
}

absl::StatusOr<std::string> KubeApi::Get(absl::string_view path) {
  ELDR_ASSIGN_OR_RETURN(Request request, NewRequest(path));
  const std::string url = request.url;
  ELDR_ASSIGN_OR_RETURN(Answer answer, Perform(std::move(request)));
  if (answer.status != 200) return ErrorOf(url, answer.status, answer.body);
  return std::move(answer.body);
}

absl::Status KubeApi::Watch(absl::string_view path, absl::Duration timeout,
                            const std::function<void()>& on_open,
                            const std::function<absl::Status(absl::string_view)>& on_line) {
  ELDR_ASSIGN_OR_RETURN(Request request, NewRequest(path));
  const std::string url = request.url;
  request.timeout = timeout;
  Lines lines;
  int refusal = 0;    // the status of an answer that is no watch
  std::string error;  // and what it says
  request.on_headers = [&](int status) {
    if (status == 200) on_open();
  };
  request.on_bytes = [&](int status, absl::string_view bytes) {
    if (stopped_.load()) return false;
    if (status == 200) return lines.Take(bytes, on_line);
    refusal = status;
    const std::size_t size = std::min(bytes.size(), kMaxErrorBytes - error.size());
    error.append(bytes.data(), size);
    return size == bytes.size();
  };
  const auto answer = Perform(std::move(request));
  if (stopped_.load()) return absl::CancelledError("stopped");
  if (!lines.status().ok()) return lines.status();
  if (refusal != 0) return ErrorOf(url, refusal, error);
  if (!answer.ok()) return answer.status();
  return answer->status == 200 ? absl::OkStatus() : ErrorOf(url, answer->status, "");
}

bool KubeApi::Pause(absl::Duration time) {
  using Steady = std::chrono::steady_clock;
  const Steady::time_point due = Steady::now() + absl::ToChronoNanoseconds(time);
  while (!stopped_.load()) {
    const absl::Duration left = absl::FromChrono(due - Steady::now());
    if (left <= absl::ZeroDuration()) return true;
    transfers_.Run(left);
  }
  return false;
}

void KubeApi::Stop() {
  stopped_.store(true);
  transfers_.Wake();
}

}  // namespace eldr

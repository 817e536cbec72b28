#include "server/http/http_message.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace eldr {
namespace {

// The head of the request up to its empty line. Lines may end without a carriage return.
std::optional<absl::string_view> HeadOf(absl::string_view bytes) {
  for (std::size_t line = bytes.find('\n'); line != absl::string_view::npos;
       line = bytes.find('\n', line + 1)) {
    const absl::string_view rest = bytes.substr(line + 1);
    if (absl::StartsWith(rest, "\n") || absl::StartsWith(rest, "\r\n")) {
      return bytes.substr(0, line);
    }
  }
  return std::nullopt;
}

bool IsHttpToken(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("!#$%&'*+-.^_`|~", static_cast<char>(c));
  });
}

bool IsVisible(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return c > 0x20 && c != 0x7F; });
}

// What a header's value may hold; a NUL or a lone return is read differently by those in between.
bool IsHeaderValue(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return (c >= 0x20 && c != 0x7F) || c == '\t'; });
}

// "GET /metrics?a=b HTTP/1.1"
HttpParse ParseRequestLine(absl::string_view line, HttpRequest& request) {
  const std::vector<absl::string_view> parts = absl::StrSplit(line, ' ');
  if (parts.size() != 3 || !IsHttpToken(parts[0]) || !IsVisible(parts[1]) || parts[1][0] != '/' ||
      (parts[2] != "HTTP/1.1" && parts[2] != "HTTP/1.0")) {
    return HttpParse::kMalformed;
  }
  request.head = parts[0] == "HEAD";
  const std::size_t query = parts[1].find('?');
  request.path = std::string(parts[1].substr(0, query));
  request.query = query == absl::string_view::npos ? "" : std::string(parts[1].substr(query + 1));
  return request.head || parts[0] == "GET" ? HttpParse::kDone : HttpParse::kMethodNotAllowed;
}

absl::string_view Reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

constexpr absl::string_view kCommonHeaders =
    "X-Content-Type-Options: nosniff\r\nConnection: close\r\n";

// The header of a request that is kept as it comes, or nullptr.
std::string* KeptHeader(absl::string_view name, HttpRequest& request) {
  if (absl::EqualsIgnoreCase(name, "accept")) return &request.accept;
  if (absl::EqualsIgnoreCase(name, "accept-encoding")) return &request.accept_encoding;
  if (absl::EqualsIgnoreCase(name, "if-none-match")) return &request.if_none_match;
  if (absl::EqualsIgnoreCase(name, "last-event-id")) return &request.last_event_id;
  return nullptr;
}

}  // namespace

HttpParse ParseHttpRequest(absl::string_view bytes, HttpRequest& request) {
  const std::optional<absl::string_view> head = HeadOf(bytes.substr(0, kMaxHttpRequestBytes));
  if (!head.has_value()) {
    return bytes.size() < kMaxHttpRequestBytes ? HttpParse::kMore : HttpParse::kHeadersTooLarge;
  }
  request = HttpRequest();
  const std::vector<absl::string_view> lines = absl::StrSplit(*head, '\n');
  HttpParse outcome = ParseRequestLine(absl::StripSuffix(lines[0], "\r"), request);
  if (outcome == HttpParse::kMalformed) return outcome;
  bool authorized_twice = false;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const absl::string_view line = absl::StripSuffix(lines[i], "\r");
    const std::size_t colon = line.find(':');
    if (colon == absl::string_view::npos || !IsHttpToken(line.substr(0, colon)) ||
        !IsHeaderValue(line.substr(colon + 1))) {
      return HttpParse::kMalformed;
    }
    const absl::string_view name = line.substr(0, colon);
    const absl::string_view value = absl::StripAsciiWhitespace(line.substr(colon + 1));
    if (absl::EqualsIgnoreCase(name, "authorization")) {
      authorized_twice = authorized_twice || !request.authorization.empty();
      request.authorization = std::string(value);
    } else if (std::string* const kept = KeptHeader(name, request)) {
      *kept = std::string(value);
    } else if ((absl::EqualsIgnoreCase(name, "content-length") && value != "0") ||
               absl::EqualsIgnoreCase(name, "transfer-encoding")) {
      if (outcome == HttpParse::kDone) outcome = HttpParse::kTooLarge;
    }
  }
  if (authorized_twice) request.authorization.clear();  // which of them should count?
  return outcome;
}

HttpResponse RefusalOf(HttpParse outcome) {
  switch (outcome) {
    case HttpParse::kMethodNotAllowed:
      return {.status = 405, .body = "expected GET or HEAD\n"};
    case HttpParse::kTooLarge:
      return {.status = 413, .body = "expected a request without a body\n"};
    case HttpParse::kHeadersTooLarge:
      return {.status = 431,
              .body = absl::StrCat("expected at most ", kMaxHttpRequestBytes, " bytes\n")};
    default:
      return {.status = 400, .body = "expected a request of HTTP/1.1\n"};
  }
}

std::string SerializeHttpResponse(const HttpResponse& response, bool head) {
  const bool fixed = !response.fixed_body.empty();
  const std::size_t size = fixed ? response.fixed_body.size() : response.body.size();
  std::string bytes = absl::StrCat("HTTP/1.1 ", response.status, " ", Reason(response.status),
                                   "\r\nCache-Control: ", response.cache_control, "\r\n",
                                   kCommonHeaders, response.more_headers);
  // What is not modified has neither.
  if (response.status != 304) {
    absl::StrAppend(&bytes, "Content-Type: ", response.type, "\r\nContent-Length: ", size, "\r\n");
  }
  absl::StrAppend(&bytes, response.status == 401 ? "WWW-Authenticate: Bearer\r\n" : "",
                  response.status == 405 ? "Allow: GET, HEAD\r\n" : "", "\r\n",
                  head || fixed ? "" : response.body);
  return bytes;
}

std::string HttpEventsHead() {
  return absl::StrCat("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n",
                      "Cache-Control: no-store\r\n", kCommonHeaders, "\r\n");
}

std::string HttpEvent(absl::string_view text, absl::string_view name, absl::string_view id) {
  std::string event;
  if (!name.empty()) absl::StrAppend(&event, "event: ", name, "\n");
  if (!id.empty()) absl::StrAppend(&event, "id: ", id, "\n");
  for (const absl::string_view line : absl::StrSplit(absl::StripSuffix(text, "\n"), '\n')) {
    absl::StrAppend(&event, "data: ", line, "\n");
  }
  return event + "\n";
}

}  // namespace eldr

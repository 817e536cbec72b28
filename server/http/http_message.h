// HTTP as far as a port needs it that serves small pages: one request per connection, no bodies.
#ifndef ELDR_SERVER_HTTP_HTTP_MESSAGE_H_
#define ELDR_SERVER_HTTP_HTTP_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace eldr {

// The most bytes of a request, headers included.
inline constexpr std::size_t kMaxHttpRequestBytes = 16 << 10;

struct HttpRequest {
  bool head = false;          // HEAD: as GET, but the answer has no body
  std::string path;           // "/metrics"
  std::string query;          // what follows the first '?', as it came
  std::string authorization;  // the header's value; empty if there is none or more than one
};

struct HttpResponse {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

enum class HttpParse : std::uint8_t {
  kMore,  // not the whole request yet
  kDone,
  kMalformed,         // 400
  kMethodNotAllowed,  // 405: other than GET and HEAD
  kTooLarge,          // 413, a request that announces a body: none is read
  kHeadersTooLarge,   // 431
};

// Reads a request from what has come so far. Fills `request` if it is all there.
HttpParse ParseHttpRequest(absl::string_view bytes, HttpRequest& request);

// The answer to a request that is not served.
HttpResponse RefusalOf(HttpParse outcome);

// The answer as bytes; without the body for HEAD.
std::string SerializeHttpResponse(const HttpResponse& response, bool head);

// How an answer begins that goes on as server-sent events until the connection closes.
std::string HttpEventsHead();
// Text as one event: lines of `data:`.
std::string HttpEvent(absl::string_view text);

}  // namespace eldr

#endif  // ELDR_SERVER_HTTP_HTTP_MESSAGE_H_

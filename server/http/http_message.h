// HTTP as far as a port needs it that serves small pages: one request per connection, no bodies.
#ifndef ELDR_SERVER_HTTP_HTTP_MESSAGE_H_
#define ELDR_SERVER_HTTP_HTTP_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace eldr {

// The most bytes of a request, headers included.
inline constexpr std::size_t kMaxHttpRequestBytes = 16 << 10;

struct HttpRequest {
  bool head = false;       // HEAD: as GET, but the answer has no body
  std::string path = {};   // "/metrics"
  std::string query = {};  // what follows the first '?', as it came
  // The header's value; empty if there is none or more than one.
  std::string authorization = {};
  // The values of these headers, the last one if there are more; empty without.
  std::string accept = {};
  std::string accept_encoding = {};
  std::string if_none_match = {};
  std::string last_event_id = {};
};

// What a client that watches is told from time to time.
class HttpEventSource {
 public:
  virtual ~HttpEventSource() = default;
  // Further events, each as HttpEvent() makes it; empty: nothing to tell now. Called when the last
  // ones are written, one call at a time.
  virtual std::string Next() = 0;
};

struct HttpResponse {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body = {};
  // Written in the place of `body`, if not empty: bytes that outlive the server.
  absl::string_view fixed_body = {};
  std::string cache_control = "no-store";
  std::string more_headers = {};  // each with its "\r\n"
  // Set: the answer goes on as server-sent events until the connection closes.
  std::shared_ptr<HttpEventSource> events = nullptr;
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

// The answer as bytes: without the body for HEAD, and always without a fixed one.
std::string SerializeHttpResponse(const HttpResponse& response, bool head);

// How an answer begins that goes on as server-sent events until the connection closes.
std::string HttpEventsHead();
// Text as one event: lines of `data:`, after its name and id unless they are empty. REQUIRES: these
// are of one line.
std::string HttpEvent(absl::string_view text, absl::string_view name = "",
                      absl::string_view id = "");

}  // namespace eldr

#endif  // ELDR_SERVER_HTTP_HTTP_MESSAGE_H_

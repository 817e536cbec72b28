// What the HTTP port serves.
#ifndef ELDR_SERVER_HTTP_HTTP_PAGE_H_
#define ELDR_SERVER_HTTP_HTTP_PAGE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/time/time.h"
#include "server/http/http_message.h"

namespace eldr {

struct HttpPage {
  enum class Kind : std::uint8_t {
    // The handler takes microseconds and never waits. It is answered at once, whatever else goes
    // on: for health.
    kAtOnce,
    // The handler may take its time. Pages of this kind are made one after the other.
    kMade,
    // Server-sent events: the handler makes one each `every` for each client that watches, and only
    // the body of its response counts. A client that reads too slowly misses some.
    kEvents,
  };

  std::string path;  // "/metrics"
  Kind kind = Kind::kMade;
  // Whether the server's token is asked for, if it has one.
  bool needs_token = true;
  // Called from the server's threads, one call at a time for kMade and kEvents together.
  std::function<HttpResponse(const HttpRequest& request)> handler;
  absl::Duration every = absl::Seconds(1);
};

}  // namespace eldr

#endif  // ELDR_SERVER_HTTP_HTTP_PAGE_H_

// What the HTTP port serves.
#ifndef ELDR_SERVER_HTTP_HTTP_PAGE_H_
#define ELDR_SERVER_HTTP_HTTP_PAGE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/time/time.h"
#include "server/http/http_message.h"

namespace eldr {

struct HttpPage {
  enum class Kind : std::uint8_t {
    // The handler takes microseconds and never waits. It is answered at once, whatever else goes
    // on: for health, and for bytes that are there.
    kAtOnce,
    // The handler may take its time. Pages of this kind and of one lane are made one after the
    // other, and so are the events of those that answer with some.
    kMade,
  };
  // Which thread makes a page that takes its time, so that nobody who reads the page for people
  // keeps a scrape waiting. That of kPeople gives way to all other work of the machine.
  enum class Lane : std::uint8_t { kMachines, kPeople };
  static constexpr std::size_t kLanes = 2;

  std::string path;  // "/metrics"
  // Whether it is also asked for what lies below its path, which ends with '/' then.
  bool and_below = false;
  Kind kind = Kind::kMade;
  Lane lane = Lane::kMachines;
  // Whether the server's token is asked for, if it has one.
  bool needs_token = true;
  // Called from the server's threads, one call at a time for kMade of one lane.
  std::function<HttpResponse(const HttpRequest& request)> handler;
  // How often the source of its events is asked, if it answers with one.
  absl::Duration every = absl::Seconds(1);
  // What the server itself refuses, in the form of this page; unset: as plain text.
  std::function<HttpResponse(HttpResponse refusal)> refusal = nullptr;
};

}  // namespace eldr

#endif  // ELDR_SERVER_HTTP_HTTP_PAGE_H_

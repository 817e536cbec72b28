// Many HTTP answers at a time, on one thread, of peers that may be slow, endless or not there.
#ifndef ELDR_CLIENT_SCRAPE_HTTP_TRANSFERS_H_
#define ELDR_CLIENT_SCRAPE_HTTP_TRANSFERS_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace eldr::scrape {

// INVALID_ARGUMENT, naming the URL, unless it is http:// or https:// with a host.
absl::Status CheckUrl(const std::string& url);

// GETs, over connections that are kept as long as the peers keep them. Whatever a peer does, a
// transfer ends within its timeout and holds no more than its limits; redirects are not followed,
// nothing is decompressed, and proxies of the environment are not used. Wake() is thread-safe, all
// else is called by one thread.
class HttpTransfers {
 public:
  struct Answer {
    int status = 0;  // 200; any is an answer
    std::string body;
  };
  struct Request {
    std::string url;
    std::vector<std::string> headers = {};  // "Name: value"
    std::string ca_file = {};               // certificates in PEM; empty: those of the system
    // From the look-up of the name to the last byte. Must be positive.
    absl::Duration timeout = absl::Seconds(3);
    // Of the body; headers have 64 KiB.
    std::size_t max_bytes = std::size_t{8} << 20;
    // If set, takes each part of the body in the place of Answer::body, and `max_bytes` does not
    // count. False ends the transfer, with CANCELLED.
    std::function<bool(int status, absl::string_view bytes)> on_bytes = nullptr;
    // If set, called once the headers are there.
    std::function<void(int status)> on_headers = nullptr;
    // An answer; or UNAVAILABLE, DEADLINE_EXCEEDED or RESOURCE_EXHAUSTED, naming the URL and why.
    // May begin others.
    std::function<void(absl::StatusOr<Answer>)> on_done;
  };

  HttpTransfers();
  ~HttpTransfers();  // as EndAll()
  HttpTransfers(const HttpTransfers&) = delete;
  HttpTransfers& operator=(const HttpTransfers&) = delete;

  // Calls nothing yet. INVALID_ARGUMENT for its URL, as CheckUrl().
  absl::Status Begin(Request request);
  // Moves all transfers on, and calls what they have to tell. Returns when something was done,
  // after Wake(), or when `wait` is over.
  void Run(absl::Duration wait);
  void Wake();
  // Ends what runs, without a call of `on_done`.
  void EndAll();
  std::size_t running() const;

 private:
  struct Transfer;
  struct State;

  const std::unique_ptr<State> state_;
};

}  // namespace eldr::scrape

#endif  // ELDR_CLIENT_SCRAPE_HTTP_TRANSFERS_H_

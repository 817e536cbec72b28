// Fetches a page that may be slow, endless or not there.
#ifndef ELDR_CLIENT_SCRAPE_HTTP_FETCH_H_
#define ELDR_CLIENT_SCRAPE_HTTP_FETCH_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/scrape/http_transfers.h"

namespace eldr::scrape {

// GETs one page again and again, over one connection as long as the peer keeps it. Whatever the
// peer does, a fetch ends within the timeout and holds no more than the limits; redirects are not
// followed, nothing is decompressed, and proxies of the environment are not used. Not thread-safe.
class PageFetcher {
 public:
  struct Options {
    // From the look-up of the name to the last byte. Must be positive.
    absl::Duration timeout = absl::Seconds(3);
    // Of the body; headers have 64 KiB.
    std::size_t max_bytes = std::size_t{8} << 20;
  };
  using Page = HttpTransfers::Answer;

  // INVALID_ARGUMENT, naming the URL, unless it is http:// or https:// with a host.
  static absl::StatusOr<std::unique_ptr<PageFetcher>> Create(std::string url, Options options);

  // UNAVAILABLE, DEADLINE_EXCEEDED or RESOURCE_EXHAUSTED, naming the URL and why. Any HTTP status
  // is an answer.
  absl::StatusOr<Page> Fetch();

  const std::string& url() const { return url_; }

 private:
  PageFetcher(std::string url, Options options);

  const std::string url_;
  const Options options_;
  HttpTransfers transfers_;
};

}  // namespace eldr::scrape

#endif  // ELDR_CLIENT_SCRAPE_HTTP_FETCH_H_

#include "client/scrape/http_fetch.h"

#include <optional>
#include <utility>

namespace eldr::scrape {

absl::StatusOr<std::unique_ptr<PageFetcher>> PageFetcher::Create(std::string url, Options options) {
  if (absl::Status status = CheckUrl(url); !status.ok()) return status;
  return std::unique_ptr<PageFetcher>(new PageFetcher(std::move(url), options));
}

PageFetcher::PageFetcher(std::string url, Options options)
    : url_(std::move(url)), options_(options) {}

absl::StatusOr<PageFetcher::Page> PageFetcher::Fetch() {
  std::optional<absl::StatusOr<Page>> page;
  const absl::Status begun = transfers_.Begin(
      {.url = url_,
       .timeout = options_.timeout,
       .max_bytes = options_.max_bytes,
       .on_done = [&page](absl::StatusOr<Page> answer) { page = std::move(answer); }});
  if (!begun.ok()) return begun;
  while (!page) transfers_.Run(options_.timeout);
  return *std::move(page);
}

}  // namespace eldr::scrape

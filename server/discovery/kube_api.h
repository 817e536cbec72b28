// Asks the API server of Kubernetes, as a service account.
#ifndef ELDR_SERVER_DISCOVERY_KUBE_API_H_
#define ELDR_SERVER_DISCOVERY_KUBE_API_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/scrape/http_transfers.h"
#include "server/config/config.h"

namespace eldr {

// One request at a time, each with the token that is in its file then. Errors of an answer are
// UNAUTHENTICATED (401), PERMISSION_DENIED (403), NOT_FOUND (404), OUT_OF_RANGE (410: what was
// asked for is too old to be told) or UNAVAILABLE, with the server's message; without an answer
// those of HttpTransfers; CANCELLED after Stop(). Stop() is thread-safe, all else is called by one
// thread.
class KubeApi {
 public:
  // `config` must outlive it.
  explicit KubeApi(const KubernetesConfig& config) : config_(config) {}

  // As configured, or that of the service account. NOT_FOUND or INVALID_ARGUMENT if there is none.
  absl::StatusOr<std::string> Namespace() const;

  // The body of a whole answer.
  absl::StatusOr<std::string> Get(absl::string_view path);

  // Calls `on_open` once the server answers, and `on_line` for each line of the answer as it comes.
  // OK if the server ended it; what `on_line` returned if that was an error; INVALID_ARGUMENT for a
  // line that has no end.
  absl::Status Watch(absl::string_view path, absl::Duration timeout,
                     const std::function<void()>& on_open,
                     const std::function<absl::Status(absl::string_view)>& on_line);

  // Waits; false after Stop().
  bool Pause(absl::Duration time);
  // What runs ends soon, and nothing begins any more.
  void Stop();

  // "key=value,..." and the like as they stand in a URL.
  static std::string Escape(absl::string_view text);

  // Larger pages and lines are refused. A page has kPagePods pods; one is about 10 KiB, and never
  // more than the 1.5 MiB that the store behind the server takes.
  static constexpr std::size_t kMaxBodyBytes = std::size_t{32} << 20;
  static constexpr std::size_t kMaxLineBytes = std::size_t{4} << 20;
  static constexpr int kPagePods = 250;

 private:
  absl::StatusOr<scrape::HttpTransfers::Request> NewRequest(absl::string_view path) const;
  absl::StatusOr<scrape::HttpTransfers::Answer> Perform(scrape::HttpTransfers::Request request);

  const KubernetesConfig& config_;
  scrape::HttpTransfers transfers_;
  std::atomic<bool> stopped_{false};
};

}  // namespace eldr

#endif  // ELDR_SERVER_DISCOVERY_KUBE_API_H_

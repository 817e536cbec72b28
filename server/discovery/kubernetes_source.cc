#include "server/discovery/kubernetes_source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace eldr {
namespace {

constexpr absl::Duration kFirstPause = absl::Seconds(1);
constexpr absl::Duration kMostPause = absl::Seconds(30);
// The server ends a watch after this. Then the pool is read again, and after kListAge the pods are
// listed anew, since what a watch left out would be missing for ever.
constexpr absl::Duration kWatchTime = absl::Seconds(120);
constexpr absl::Duration kListAge = absl::Minutes(5);
// A server that ends watches sooner than this is spared.
constexpr absl::Duration kLeastWatch = absl::Seconds(1);
constexpr absl::Duration kWatchMargin = absl::Seconds(15);

}  // namespace

KubernetesSource::KubernetesSource(const DiscoveryConfig& config, EndpointList& list,
                                   const Clock& clock, Log& log, DiscoveryMetrics& metrics,
                                   WatchMetrics& watch_metrics, std::uint64_t seed)
    : config_(config),
      list_(list),
      clock_(clock),
      log_(log),
      metrics_(metrics.Source(list.source())),
      watch_metrics_(watch_metrics),
      api_(config.kubernetes),
      book_(config, list, metrics_, watch_metrics),
      random_(seed) {}

KubernetesSource::~KubernetesSource() {
  api_.Stop();
  if (thread_.joinable()) thread_.join();
}

void KubernetesSource::Start() {
  thread_ = std::thread([this] {
    while (api_.Pause(Step())) {
    }
  });
}

absl::Duration KubernetesSource::LongestPause(int failures) {
  absl::Duration pause = kFirstPause;
  for (int i = 1; i < failures && pause < kMostPause; ++i) pause *= 2;
  return std::min(pause, kMostPause);
}

absl::Duration KubernetesSource::Step() {
  const auto pool = ReadPool();
  if (!pool.ok()) return After(pool.status(), false);
  if (pool_ != *pool) {
    pool_ = *pool;
    listed_.reset();
  }
  if (!listed_ || clock_.Monotonic() - *listed_ >= kListAge) {
    const absl::Status status = List();
    if (absl::IsCancelled(status)) return absl::ZeroDuration();
    // Told first, so that whoever sees the count finds the line.
    Tell(status);
    metrics_.OnList(status, absl::ToDoubleSeconds(clock_.Wall() - absl::UnixEpoch()));
    if (!status.ok()) return After(status, false);
    listed_ = clock_.Monotonic();
  }
  const MonotonicTime begun = clock_.Monotonic();
  const absl::Status status = WatchOnce();
  watch_metrics_.connected.Set(0);
  if (absl::IsCancelled(status)) return absl::ZeroDuration();
  if (absl::IsOutOfRange(status) || absl::IsInvalidArgument(status)) listed_.reset();
  const absl::Duration pause = After(status, clock_.Monotonic() - begun >= kLeastWatch);
  CountEnd(status);
  return pause;
}

absl::Duration KubernetesSource::After(const absl::Status& status, bool lived) {
  if (absl::IsCancelled(status)) return absl::ZeroDuration();
  // That a watch ends, and that a version gets too old, is the way of things.
  const bool usual = status.ok() || absl::IsOutOfRange(status);
  if (!usual) Tell(status);
  failures_ = lived ? 0 : failures_ + 1;
  if (usual && lived) return absl::ZeroDuration();
  const double share = std::uniform_real_distribution<double>(0.5, 1)(random_);
  return LongestPause(std::max(failures_, 1)) * share;
}

absl::StatusOr<InferencePool> KubernetesSource::ReadPool() {
  const KubernetesConfig& kubernetes = config_.kubernetes;
  ELDR_ASSIGN_OR_RETURN(name_space_, api_.Namespace());
  if (kubernetes.inference_pool.empty()) {
    return InferencePool{.selector = kubernetes.selector, .ports = kubernetes.target_ports};
  }
  ELDR_ASSIGN_OR_RETURN(
      const std::string body,
      api_.Get(absl::StrCat("/apis/inference.networking.k8s.io/v1/namespaces/", name_space_,
                            "/inferencepools/", KubeApi::Escape(kubernetes.inference_pool))));
  auto pool = ParseInferencePool(body);
  if (pool.ok()) return pool;
  return absl::UnavailableError(
      absl::StrCat("InferencePool ", kubernetes.inference_pool, ": ", pool.status().message()));
}

std::string KubernetesSource::PodsPath() const {
  return absl::StrCat("/api/v1/namespaces/", name_space_,
                      "/pods?labelSelector=", KubeApi::Escape(pool_->selector));
}

absl::Status KubernetesSource::List() {
  book_.SetPorts(pool_->ports);
  book_.BeginList();
  const std::string first = absl::StrCat(PodsPath(), "&limit=", KubeApi::kPagePods);
  std::string next;
  do {
    ELDR_ASSIGN_OR_RETURN(
        const std::string body,
        api_.Get(next.empty() ? first : absl::StrCat(first, "&continue=", KubeApi::Escape(next))));
    ELDR_ASSIGN_OR_RETURN(next, book_.AddPage(body));
  } while (!next.empty());
  return absl::OkStatus();
}

absl::Status KubernetesSource::WatchOnce() {
  const auto jitter = absl::Seconds(std::uniform_int_distribution<int>(0, 30)(random_));
  const absl::Duration time = kWatchTime + jitter;
  const std::string path = absl::StrCat(
      PodsPath(),
      "&watch=1&allowWatchBookmarks=true&resourceVersion=", KubeApi::Escape(book_.version()),
      "&timeoutSeconds=", absl::ToInt64Seconds(time));
  return api_.Watch(
      path, time + kWatchMargin, [this] { watch_metrics_.connected.Set(1); },
      [this](absl::string_view line) { return TakeLine(line); });
}

absl::Status KubernetesSource::TakeLine(absl::string_view line) {
  absl::Status status = book_.TakeEvent(line);
  if (!absl::IsResourceExhausted(status)) return status;
  log_.Warning("discovery_entry_refused", {{"error", status.ToString()}});
  return absl::OkStatus();
}

void KubernetesSource::CountEnd(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return watch_metrics_.ended.Increment();
    case absl::StatusCode::kOutOfRange:
      return watch_metrics_.expired.Increment();
    case absl::StatusCode::kInvalidArgument:
      return watch_metrics_.malformed.Increment();
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kNotFound:
      return watch_metrics_.refused.Increment();
    default:
      return watch_metrics_.broken.Increment();
  }
}

void KubernetesSource::Tell(const absl::Status& status) {
  if (!status.ok() && told_ == status.message()) return;
  told_ = std::string(status.message());
  if (status.ok()) {
    log_.Info("discovery_pods_listed", {{"namespace", name_space_},
                                        {"selector", pool_->selector},
                                        {"endpoints", list_.Read().endpoints.size()}});
  } else {
    log_.Warning("discovery_kubernetes",
                 {{"kept", list_.Read().endpoints.size()}, {"error", status.ToString()}});
  }
}

}  // namespace eldr

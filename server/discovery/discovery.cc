#include "server/discovery/discovery.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/base/status_macros.h"
#include "server/discovery/file_source.h"
#include "server/discovery/kubernetes_source.h"

namespace eldr {
namespace {

// Changes that come together are done together.
constexpr absl::Duration kLeastPause = absl::Milliseconds(50);

}  // namespace

absl::StatusOr<std::unique_ptr<Discovery>> Discovery::Create(const DiscoveryConfig& config,
                                                             const Links& links) {
  std::unique_ptr<Discovery> discovery(new Discovery(config, links));
  ELDR_RETURN_IF_ERROR(discovery->Build());
  return discovery;
}

Discovery::Discovery(const DiscoveryConfig& config, const Links& links)
    : config_(config), links_(links), metrics_(links.registry) {}

absl::Status Discovery::Build() {
  if (!config_.file.empty()) {
    sources_.push_back(std::make_unique<FileSource>(config_, NewList("file"), links_.clock,
                                                    links_.log, metrics_.Source("file")));
  }
  if (config_.kubernetes.enabled()) {
    watch_metrics_.emplace(links_.registry);
    sources_.push_back(std::make_unique<KubernetesSource>(config_, NewList("kubernetes"),
                                                          links_.clock, links_.log, metrics_,
                                                          *watch_metrics_, links_.seed));
  }
  if (!config_.scrape.preset.empty()) {
    scrape_metrics_.emplace(links_.registry);
    ELDR_ASSIGN_OR_RETURN(
        scraper_, LoadScraper::Create(config_.scrape, links_.router, links_.event_log, links_.clock,
                                      *scrape_metrics_, [this] { OnChange(); }));
  }
  return absl::OkStatus();
}

EndpointList& Discovery::NewList(const char* source) {
  lists_.push_back(
      std::make_unique<EndpointList>(source, config_.max_endpoints, [this] { OnChange(); }));
  return *lists_.back();
}

Discovery::~Discovery() {
  sources_.clear();
  {
    MutexLock lock(mutex_);
    stop_ = true;
    wake_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
  scraper_.reset();
}

void Discovery::Start() {
  for (const auto& source : sources_) source->Start();
  if (scraper_ != nullptr) scraper_->Start();
  thread_ = std::thread([this] { Run(); });
}

void Discovery::Run() {
  std::vector<const EndpointList*> lists;
  for (const auto& list : lists_) lists.push_back(list.get());
  Reconciler reconciler(config_.remove_after, std::move(lists), links_.router, links_.clock,
                        links_.log, metrics_);
  absl::Duration wait;
  do {
    {
      MutexLock lock(mutex_);
      changed_ = false;
    }
    if (scraper_ != nullptr) reconciler.SetAsleep(scraper_->Asleep());
    wait = reconciler.Step();
    if (scraper_ != nullptr) scraper_->SetNodes(reconciler.own());
  } while (Await(wait));
}

bool Discovery::Await(absl::Duration time) {
  using Steady = std::chrono::steady_clock;
  const Steady::time_point from = Steady::now();
  MutexLock lock(mutex_);
  while (!stop_) {
    const absl::Duration wait = changed_ ? kLeastPause : std::max(time, kLeastPause);
    const absl::Duration left = wait - absl::FromChrono(Steady::now() - from);
    if (left <= absl::ZeroDuration()) return true;
    wake_.WaitFor(mutex_, left);
  }
  return false;
}

void Discovery::OnChange() {
  MutexLock lock(mutex_);
  changed_ = true;
  wake_.NotifyAll();
}

}  // namespace eldr

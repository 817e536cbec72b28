#include "server/discovery/load_scraper.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/stable_hash.h"
#include "server/discovery/node_plan.h"

namespace eldr {
namespace {

// Pages that are awaited at a time, and the largest: so much memory at most.
constexpr std::size_t kMostAtOnce = 32;
constexpr std::size_t kMaxPageBytes = std::size_t{4} << 20;
// The longest wait, after which the stale ones are counted anew.
constexpr absl::Duration kMostBetweenLooks = absl::Seconds(1);

// Whether a page that was asked of one speaks for the other.
bool SameEngine(const NodeSpec& a, const NodeSpec& b) {
  return a.address == b.address && a.model == b.model;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LoadScraper>> LoadScraper::Create(
    const ScrapeConfig& config, Router& router, EventLog* event_log, const Clock& clock,
    ScrapeMetrics& metrics, std::function<void()> on_asleep) {
  const scrape::EnginePreset* const preset = scrape::FindEnginePreset(config.preset);
  if (preset == nullptr) {
    return absl::InternalError(absl::StrCat("discovery.scrape.preset: ", config.preset));
  }
  scrape::EngineMetricNames names = preset->metrics;
  for (const std::string& metric : config.metrics) {
    const absl::Status status = scrape::OverrideMetric(metric, names);
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("discovery.scrape.metrics: ", status.message()));
    }
  }
  std::string path(config.path.empty() ? preset->metrics_path : config.path);
  if (!absl::StartsWith(path, "/")) path.insert(0, "/");
  return std::unique_ptr<LoadScraper>(new LoadScraper(config, std::move(names), std::move(path),
                                                      router, event_log, clock, metrics,
                                                      std::move(on_asleep)));
}

LoadScraper::LoadScraper(const ScrapeConfig& config, scrape::EngineMetricNames names,
                         std::string path, Router& router, EventLog* event_log, const Clock& clock,
                         ScrapeMetrics& metrics, std::function<void()> on_asleep)
    : config_(config),
      names_(std::move(names)),
      path_(std::move(path)),
      router_(router),
      event_log_(event_log),
      clock_(clock),
      metrics_(metrics),
      on_asleep_(std::move(on_asleep)) {}

LoadScraper::~LoadScraper() {
  stopped_.store(true);
  transfers_.Wake();
  if (thread_.joinable()) thread_.join();
}

void LoadScraper::Start() {
  thread_ = std::thread([this] { Run(); });
}

void LoadScraper::SetNodes(const std::vector<NodeSpec>& nodes) {
  {
    MutexLock lock(mutex_);
    nodes_ = nodes;
  }
  transfers_.Wake();
}

std::set<std::string> LoadScraper::Asleep() const {
  MutexLock lock(mutex_);
  return asleep_;
}

void LoadScraper::Run() {
  while (!stopped_.load()) {
    TakeNodes();
    transfers_.Run(BeginDue());
  }
}

void LoadScraper::TakeNodes() {
  std::optional<std::vector<NodeSpec>> nodes;
  {
    MutexLock lock(mutex_);
    nodes.swap(nodes_);
  }
  if (!nodes) return;
  std::map<std::string, Target> targets;
  const MonotonicTime now = clock_.Monotonic();
  for (NodeSpec& node : *nodes) {
    const std::string id = node.node_id;
    const auto known = targets_.find(id);
    if (known != targets_.end() && SameEngine(known->second.node, node)) {
      targets[id] = std::move(known->second);
    } else {
      // Spread over the interval, or all would be asked at once for ever.
      const double share = ToUnitInterval(Mix64(StableHash(id)));
      targets[id] = {
          .node = std::move(node), .due = now + config_.interval * share, .read = std::nullopt};
    }
  }
  targets_ = std::move(targets);
  for (const std::string& id : Asleep()) {
    if (targets_.count(id) == 0) SetAsleep(id, false);
  }
}

absl::Duration LoadScraper::BeginDue() {
  const MonotonicTime now = clock_.Monotonic();
  const absl::Duration timeout = router_.options().node_timeout;
  absl::Duration wait = kMostBetweenLooks;
  std::size_t stale = 0;
  std::vector<std::map<std::string, Target>::iterator> due;
  for (auto it = targets_.begin(); it != targets_.end(); ++it) {
    const Target& target = it->second;
    stale += !target.read || now - *target.read > timeout;
    if (target.running) continue;
    if (target.due <= now) {
      due.push_back(it);
    } else {
      wait = std::min(wait, target.due - now);
    }
  }
  metrics_.stale.Set(static_cast<double>(stale));
  // Whoever has waited longest comes first: in any fixed order, engines that hang would take all
  // the room again each time it gets free.
  std::stable_sort(due.begin(), due.end(),
                   [](const auto& a, const auto& b) { return a->second.due < b->second.due; });
  for (const auto& it : due) {
    // Those that wait for room are begun when one ends.
    if (transfers_.running() >= kMostAtOnce) break;
    Begin(it->first, it->second);
  }
  return wait;
}

void LoadScraper::Begin(const std::string& id, Target& target) {
  target.running = true;
  const absl::Status begun =
      transfers_.Begin({.url = absl::StrCat("http://", target.node.address, path_),
                        .timeout = config_.timeout,
                        .max_bytes = kMaxPageBytes,
                        .on_done = [this, id, asked = target.node](
                                       absl::StatusOr<scrape::HttpTransfers::Answer> answer) {
                          OnAnswer(id, asked, std::move(answer));
                        }});
  if (!begun.ok()) OnAnswer(id, target.node, begun);
}

void LoadScraper::OnAnswer(const std::string& id, const NodeSpec& asked,
                           absl::StatusOr<scrape::HttpTransfers::Answer> answer) {
  const MonotonicTime now = clock_.Monotonic();
  const auto found = targets_.find(id);
  // Another node may have its id by now.
  if (found == targets_.end() || !SameEngine(found->second.node, asked)) return;
  Target& target = found->second;
  target.running = false;
  // Those that have fallen behind are not caught up with.
  target.due = std::max(target.due + config_.interval, now);
  if (!answer.ok() || answer->status != 200) return metrics_.unreachable.Increment();
  const auto page = scrape::ReadEnginePage(answer->body, names_, {});
  if (!page.ok()) return metrics_.unreadable.Increment();
  metrics_.ok.Increment();
  if (Report(target.node, *page)) target.read = now;
  SetAsleep(id, page->asleep);
}

bool LoadScraper::Report(const NodeSpec& node, const scrape::EnginePage& page) {
  NodeReport report;
  report.node_id = node.node_id;
  report.address = node.address;
  report.model = node.model;
  report.running = static_cast<std::uint32_t>(std::lround(page.running));
  report.queued = static_cast<std::uint32_t>(std::lround(page.queued));
  report.kv_usage = page.kv_usage;
  const auto ours = [](const NodeSpec& registered) { return IsDiscovered(registered); };
  if (!router_.Heartbeat(report, NodeGuard(ours)).ok()) return false;
  if (event_log_ == nullptr) return true;
  v1::HeartbeatRequest heartbeat;
  heartbeat.set_node_id(node.node_id);
  heartbeat.set_running(report.running);
  heartbeat.set_queued(report.queued);
  if (report.kv_usage) heartbeat.set_kv_usage(*report.kv_usage);
  event_log_->OnHeartbeat(heartbeat);
  return true;
}

void LoadScraper::SetAsleep(const std::string& id, bool asleep) {
  {
    MutexLock lock(mutex_);
    const bool changed = asleep ? asleep_.insert(id).second : asleep_.erase(id) > 0;
    if (!changed) return;
  }
  on_asleep_();
}

}  // namespace eldr

#include "client/agent/engine_watch.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"

namespace eldr::agent {
namespace {

constexpr absl::string_view kStates[kEngineStates] = {"starting", "serving", "asleep", "failing"};

}  // namespace

absl::string_view Name(EngineState state) { return kStates[static_cast<std::size_t>(state)]; }

EngineWatch::EngineWatch(Links links, Options options, std::function<absl::Duration()> now)
    : links_(std::move(links)), options_(std::move(options)), now_(std::move(now)) {}

absl::Status EngineWatch::CheckHealth() {
  const auto answer = links_.health();
  if (!answer.ok()) return answer.status();
  if (answer->status == 200) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("the health check answers ", answer->status, ", expected 200"));
}

absl::StatusOr<scrape::EnginePage> EngineWatch::Scrape() {
  const auto answer = links_.metrics();
  if (!answer.ok()) return answer.status();
  if (answer->status != 200) {
    return absl::UnavailableError(
        absl::StrCat("the page of metrics answers ", answer->status, ", expected 200"));
  }
  return scrape::ReadEnginePage(answer->body, options_.metrics, options_.select);
}

void EngineWatch::Look() {
  absl::Status health;
  if (links_.health) health = CheckHealth();
  absl::StatusOr<scrape::EnginePage> page = absl::UnavailableError("");
  if (health.ok()) page = Scrape();
  absl::MutexLock lock(&mutex_);
  if (health.ok()) ++(page.ok() ? figures_.scrapes_ok : figures_.scrapes_failed);
  const absl::Status metrics = page.status();
  if (page.ok()) Learn(*std::move(page));
  // Without a health check the page is one.
  if (!links_.health) health = metrics;
  Judge(health, metrics);
}

void EngineWatch::Learn(scrape::EnginePage page) {
  if (page_) {
    const scrape::WindowResult result =
        scrape::StepsBetween(*page_, page, options_.tokens_per_step);
    ++figures_.windows[static_cast<std::size_t>(result.outcome)];
    figures_.restarts += result.outcome == scrape::WindowOutcome::kRestarted;
    const bool added = result.outcome == scrape::WindowOutcome::kSteps &&
                       steps_
                           .Add({.batch = result.window.mean_batch,
                                 .duration = result.window.mean_duration,
                                 .count = result.window.steps})
                           .ok();
    if (added) figures_.steps += result.window.steps;
  }
  page_ = std::move(page);
  page_time_ = now_();
}

void EngineWatch::Judge(const absl::Status& health, const absl::Status& metrics) {
  figures_.error = health.ok() ? metrics : health;
  if (!health.ok()) {
    ++figures_.checks_failed;
    failures_ = std::min(failures_ + 1, options_.failures);
    if (failures_ >= options_.failures && figures_.state != EngineState::kStarting) {
      figures_.state = EngineState::kFailing;
    }
    return;
  }
  ++figures_.checks_ok;
  failures_ = 0;
  // A node whose metrics are wrong from the start does not register, so that somebody looks.
  if (!page_) return;
  figures_.state = page_->asleep ? EngineState::kAsleep : EngineState::kServing;
}

absl::StatusOr<client::NodeLoad> EngineWatch::TakeLoad() {
  absl::MutexLock lock(&mutex_);
  if (figures_.state != EngineState::kServing && figures_.state != EngineState::kAsleep) {
    return absl::UnavailableError(
        absl::StrCat("the engine is ", Name(figures_.state), ": ", figures_.error.message()));
  }
  client::NodeLoad load;
  load.running = static_cast<std::uint32_t>(std::lround(page_->running));
  load.queued = static_cast<std::uint32_t>(std::lround(page_->queued));
  load.kv_usage = page_->kv_usage;
  load.steps = steps_.Take();
  return load;
}

EngineWatch::Figures EngineWatch::figures() const {
  absl::MutexLock lock(&mutex_);
  Figures figures = figures_;
  if (page_) {
    figures.page_age = now_() - page_time_;
    figures.page.running = page_->running;
    figures.page.queued = page_->queued;
    figures.page.kv_usage = page_->kv_usage;
    figures.page.asleep = page_->asleep;
  }
  return figures;
}

bool EngineWatch::TellsSteps() const {
  absl::MutexLock lock(&mutex_);
  return page_ && page_->inter_token_latency;
}

}  // namespace eldr::agent

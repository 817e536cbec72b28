#include "server/discovery/pod_book.h"

#include <arpa/inet.h>

#include <iterator>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace eldr {
namespace {

// With "-rank-7" no longer than the id of a node.
constexpr std::size_t kMaxPodName = 240;
constexpr std::size_t kMaxUid = 256;
// A server that gives ever new pages gives no list.
constexpr std::size_t kMaxPages = 4096;
// Beyond those that are there, pods that are not any more.
constexpr std::size_t kMaxDead = 10'000;

std::optional<std::uint64_t> Number(const std::string& version) {
  std::uint64_t number = 0;
  if (!absl::SimpleAtoi(version, &number)) return std::nullopt;
  return number;
}

bool IsIp(const std::string& text) {
  in6_addr parsed{};
  return inet_pton(AF_INET, text.c_str(), &parsed) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &parsed) == 1;
}

}  // namespace

PodBook::PodBook(const DiscoveryConfig& config, EndpointList& list, SourceMetrics& metrics,
                 WatchMetrics& watch_metrics)
    : config_(config),
      list_(list),
      metrics_(metrics),
      watch_metrics_(watch_metrics),
      ports_(config.kubernetes.target_ports) {}

void PodBook::BeginList() {
  pages_.clear();
  page_count_ = 0;
}

absl::StatusOr<std::string> PodBook::AddPage(absl::string_view body) {
  if (++page_count_ > kMaxPages) {
    return absl::ResourceExhaustedError(
        absl::StrCat("got ", page_count_, " pages of pods, expected at most ", kMaxPages));
  }
  auto page = ParsePodPage(body, config_.max_endpoints - pages_.size());
  if (absl::IsResourceExhausted(page.status())) {
    return absl::ResourceExhaustedError(absl::StrCat("got more than ", config_.max_endpoints,
                                                     " pods, expected at most so many ",
                                                     "(discovery.max_endpoints)"));
  }
  ELDR_RETURN_IF_ERROR(page.status());
  for (Pod& pod : page->pods) {
    DropLabels(pod);
    pages_.push_back(std::move(pod));
  }
  if (!page->next.empty()) return std::move(page->next);
  version_ = page->resource_version;
  ELDR_RETURN_IF_ERROR(TakeOver());
  return std::string();
}

void PodBook::DropLabels(Pod& pod) const {
  for (auto label = pod.labels.begin(); label != pod.labels.end();) {
    const bool asked = label->first == config_.model_label || label->first == config_.role_label ||
                       label->first == config_.expert_group_label;
    label = asked ? std::next(label) : pod.labels.erase(label);
  }
}

absl::Status PodBook::TakeOver() {
  const std::vector<Pod> pods = std::exchange(pages_, {});
  Endpoints all;
  std::map<std::string, std::optional<std::uint64_t>, std::less<>> known;
  for (const Pod& pod : pods) {
    known[pod.name] = Number(pod.resource_version);
    if (auto endpoints = EndpointsOfPod(pod)) all[pod.name] = *std::move(endpoints);
  }
  ELDR_RETURN_IF_ERROR(list_.SetAll(std::move(all)));
  known_ = std::move(known);
  list_version_ = Number(version_);
  return absl::OkStatus();
}

std::optional<std::vector<Endpoint>> PodBook::EndpointsOfPod(const Pod& pod) {
  if (!pod.is_live()) return std::nullopt;
  if (!IsKubeName(pod.name) || pod.name.size() > kMaxPodName || !IsIp(pod.ip) ||
      pod.uid.size() > kMaxUid) {
    metrics_.entries_refused.Increment();
    return std::nullopt;
  }
  return EndpointsOf({.name = pod.name,
                      .host = pod.ip,
                      .ports = ports_,
                      .labels = pod.labels,
                      .ready = pod.ready && !pod.ending,
                      .instance = pod.uid},
                     config_);
}

absl::Status PodBook::TakeEvent(absl::string_view line) {
  ELDR_ASSIGN_OR_RETURN(const PodEvent event, ParsePodEvent(line));
  if (event.type == "ERROR") {
    const std::string message = absl::StrCat(event.code, " ", event.message);
    if (event.code == 410) return absl::OutOfRangeError(message);
    return absl::UnavailableError(message);
  }
  if (event.type == "BOOKMARK") {
    watch_metrics_.bookmarks.Increment();
    Advance(event.pod.resource_version);
    return absl::OkStatus();
  }
  const bool deleted = event.type == "DELETED";
  if (!deleted && event.type != "ADDED" && event.type != "MODIFIED") return absl::OkStatus();
  if (IsStale(event.pod)) {
    watch_metrics_.stale.Increment();
    return absl::OkStatus();
  }
  (deleted                 ? watch_metrics_.deleted
   : event.type == "ADDED" ? watch_metrics_.added
                           : watch_metrics_.modified)
      .Increment();
  return Change(event.pod, deleted);
}

bool PodBook::IsStale(const Pod& pod) const {
  const std::optional<std::uint64_t> version = Number(pod.resource_version);
  if (!version) return false;
  const auto known = known_.find(pod.name);
  // One that was not in the list was not there then.
  const std::optional<std::uint64_t> seen = known == known_.end() ? list_version_ : known->second;
  return seen && *version <= *seen;
}

absl::Status PodBook::Change(const Pod& pod, bool deleted) {
  auto endpoints = deleted ? std::nullopt : EndpointsOfPod(pod);
  known_[pod.name] = Number(pod.resource_version);
  Advance(pod.resource_version);
  if (known_.size() > config_.max_endpoints + kMaxDead) {
    return absl::OutOfRangeError("so many pods came and went that a new list takes less room");
  }
  if (!endpoints) {
    list_.Remove(pod.name);
    return absl::OkStatus();
  }
  absl::Status status = list_.Put(pod.name, *std::move(endpoints));
  if (!status.ok()) metrics_.entries_refused.Increment();
  return status;
}

void PodBook::Advance(const std::string& version) {
  const std::optional<std::uint64_t> number = Number(version), held = Number(version_);
  if (!number || !held || *number > *held) version_ = version;
}

}  // namespace eldr

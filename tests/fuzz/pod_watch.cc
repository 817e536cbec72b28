// What an API server answers: a list of pods, then a watch, cut at lines; and a pool.
#include <string>

#include "absl/strings/str_split.h"
#include "server/discovery/kube_objects.h"
#include "server/discovery/pod_book.h"
#include "tests/fuzz/fuzz_check.h"

namespace eldr {
namespace {

constexpr std::size_t kMostEndpoints = 8;

void CheckFound(const EndpointList& list) {
  const EndpointList::Snapshot snapshot = list.Read();
  FUZZ_CHECK(snapshot.endpoints.size() <= kMostEndpoints);
  for (const Endpoint& endpoint : snapshot.endpoints) {
    FUZZ_CHECK(!endpoint.node_id.empty() && endpoint.node_id.size() <= 256);
    FUZZ_CHECK(!endpoint.address.empty() && endpoint.address.size() <= 512);
    FUZZ_CHECK(endpoint.instance.size() <= 256);
  }
}

void Watch(absl::string_view text) {
  DiscoveryConfig config;
  config.model = "m";
  config.model_label = "model";
  config.max_endpoints = kMostEndpoints;
  config.kubernetes.target_ports = {1, 2};
  prometheus::Registry registry;
  DiscoveryMetrics metrics(registry);
  SourceMetrics source = metrics.Source("kubernetes");
  WatchMetrics watch(registry);
  EndpointList list("kubernetes", kMostEndpoints, [] {});
  PodBook book(config, list, source, watch);
  bool listing = true;
  book.BeginList();
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (listing) {
      const auto next = book.AddPage(line);
      if (!next.ok()) FUZZ_CHECK(!next.status().message().empty());
      listing = next.ok() && !next->empty();
    } else {
      const absl::Status status = book.TakeEvent(line);
      if (!status.ok()) FUZZ_CHECK(!status.message().empty());
    }
    CheckFound(list);
  }
}

}  // namespace
}  // namespace eldr

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const absl::string_view text = eldr::Text(data, size);
  eldr::Watch(text);
  const auto pool = eldr::ParseInferencePool(text);
  if (pool.ok()) {
    FUZZ_CHECK(!pool->selector.empty() && !pool->ports.empty() && pool->ports.size() <= 8);
  } else {
    eldr::CheckRefusal(pool.status());
  }
  eldr::KubeMessage(text);
  return 0;
}

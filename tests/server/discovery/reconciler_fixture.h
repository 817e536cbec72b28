// A router with one small model, and a reconciler on a list that the test fills.
#ifndef ELDR_TESTS_SERVER_DISCOVERY_RECONCILER_FIXTURE_H_
#define ELDR_TESTS_SERVER_DISCOVERY_RECONCILER_FIXTURE_H_

#include <prometheus/registry.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/discovery/reconciler.h"
#include "tests/core/router_fixture.h"
#include "tests/server/string_output.h"

namespace eldr {

class ReconcilerFixture : public RouterFixture {
 protected:
  static constexpr absl::Duration kRemoveAfter = absl::Seconds(30);

  ReconcilerFixture() { Restart(); }

  // As a new process on the nodes that it was given back.
  void Restart() {
    list_ = std::make_unique<EndpointList>("kubernetes", 1000, [] {});
    reconciler_ =
        std::make_unique<Reconciler>(kRemoveAfter, std::vector<const EndpointList*>{list_.get()},
                                     *router_, clock_, log_, metrics_);
  }

  static Endpoint Decode(const std::string& id, bool ready = true) {
    Endpoint endpoint;
    endpoint.node_id = id;
    endpoint.model = std::string(kModel);
    endpoint.address = absl::StrCat(id, ":8000");
    endpoint.roles.decode = true;
    endpoint.ready = ready;
    return endpoint;
  }
  // Tells that there is nothing but these, and takes a step.
  void Find(const std::vector<Endpoint>& endpoints) {
    Endpoints all;
    for (const Endpoint& endpoint : endpoints) all[endpoint.node_id].push_back(endpoint);
    ASSERT_THAT(list_->SetAll(std::move(all)), IsOk());
    reconciler_->Step();
  }
  // "a", "b drained", "c beats" for one that sends heartbeats; in the order of their ids.
  std::vector<std::string> Nodes() {
    std::vector<std::string> nodes;
    const auto list = router_->ListNodes("");
    for (const NodeStatus& node : list.value()) {
      nodes.push_back(
          absl::StrCat(node.spec.node_id, node.draining ? " drained" : "",
                       node.spec.heartbeat_interval > absl::ZeroDuration() ? " beats" : ""));
    }
    return nodes;
  }
  double Changes(NodeAction::Kind kind) {
    return metrics_.changes[static_cast<std::size_t>(kind)]->Value();
  }
  std::string LogText() {
    log_.Flush(absl::Seconds(10));
    return output_->text();
  }

  prometheus::Registry registry_;
  DiscoveryMetrics metrics_{registry_};
  const std::shared_ptr<StringOutput> output_ = std::make_shared<StringOutput>();
  Log log_{LogConfig{}, clock_, output_};
  std::unique_ptr<EndpointList> list_;
  std::unique_ptr<Reconciler> reconciler_;
};

}  // namespace eldr

#endif  // ELDR_TESTS_SERVER_DISCOVERY_RECONCILER_FIXTURE_H_

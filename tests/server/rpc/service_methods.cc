#include "tests/server/rpc/service_methods.h"

#include <google/protobuf/descriptor.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "tests/server/daemon_fixture.h"

namespace eldr {
namespace {

v1::PlaceRequest Waiting() {
  v1::PlaceRequest request = TestQuery("waits");
  request.mutable_signature_wait()->set_nanos(20'000'000);
  return request;
}

template <typename Stream, typename Message>
std::string Element(std::uint64_t id, Message* (Stream::*field)(), const Message& message) {
  Stream element;
  element.set_id(id);
  *(element.*field)() = message;
  return element.SerializeAsString();
}

// The requests that make a method do something.
std::multimap<std::string, std::string> Requests() {
  using Query = v1::StreamPlacementsRequest;
  v1::HeartbeatRequest beat;
  beat.set_node_id("a");
  v1::RegisterNodeRequest node;
  node.mutable_node()->set_node_id("b");
  node.mutable_node()->set_model(kModel);
  node.mutable_node()->set_address("b.test:1");
  return {
      {"Place", TestQuery("r").SerializeAsString()},
      {"Place", Waiting().SerializeAsString()},
      {"Place", Waiting().SerializeAsString()},
      {"PushSignature", TestPush("waits").SerializeAsString()},
      {"StreamPlacements", Element<Query>(1, &Query::mutable_place, TestQuery("r"))},
      {"StreamPlacements", Element<Query>(2, &Query::mutable_place, Waiting())},
      {"StreamSignatures", Element<v1::StreamSignaturesRequest>(
                               3, &v1::StreamSignaturesRequest::mutable_push, TestPush("s"))},
      {"StreamHeartbeats", Element<v1::StreamHeartbeatsRequest>(
                               4, &v1::StreamHeartbeatsRequest::mutable_heartbeat, beat)},
      {"Heartbeat", beat.SerializeAsString()},
      {"RegisterNode", node.SerializeAsString()},
  };
}

}  // namespace

std::vector<ServiceMethod> AllMethods() {
  const std::multimap<std::string, std::string> requests = Requests();
  std::vector<ServiceMethod> methods;
  for (const char* const service :
       {v1::PlacementService::service_full_name(), v1::FleetService::service_full_name(),
        v1::ModelService::service_full_name(), v1::HistoryService::service_full_name()}) {
    const auto* const described =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(service);
    for (int i = 0; i < described->method_count(); ++i) {
      const auto& method = *described->method(i);
      ServiceMethod& added = methods.emplace_back();
      added.name = method.name();
      added.path = absl::StrCat("/", service, "/", method.name());
      added.client_streams = method.client_streaming();
      added.server_streams = method.server_streaming();
      added.requests = {""};
      const auto [first, last] = requests.equal_range(added.name);
      for (auto request = first; request != last; ++request) {
        added.requests.push_back(request->second);
      }
    }
  }
  return methods;
}

}  // namespace eldr

#include "server/discovery/endpoint.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace eldr {
namespace {

// Empty if there is no such label, or no key to look for.
std::string LabelOf(const Host& host, const std::string& key) {
  const auto label = host.labels.find(key);
  return key.empty() || label == host.labels.end() ? "" : label->second;
}

std::string AddressOf(const std::string& host, std::uint32_t port) {
  const bool ipv6 = absl::StrContains(host, ':');
  return absl::StrCat(ipv6 ? "[" : "", host, ipv6 ? "]:" : ":", port);
}

}  // namespace

EndpointRoles RolesOf(absl::string_view label) {
  if (label.empty() || label == "both") return {.prefill = true, .decode = true};
  EndpointRoles roles;
  for (const absl::string_view word : absl::StrSplit(label, '-')) {
    roles.prefill = roles.prefill || word == "prefill";
    roles.decode = roles.decode || word == "decode";
  }
  return roles;
}

std::vector<Endpoint> EndpointsOf(const Host& host, const DiscoveryConfig& config) {
  const bool ranks = host.ports.size() > 1;
  std::string model = LabelOf(host, config.model_label);
  if (model.empty()) model = config.model;
  std::string group = LabelOf(host, config.expert_group_label);
  if (group.empty() && ranks) group = host.name;
  std::vector<Endpoint> endpoints;
  for (std::size_t i = 0; i < host.ports.size(); ++i) {
    Endpoint& endpoint = endpoints.emplace_back();
    endpoint.node_id = ranks ? absl::StrCat(host.name, "-rank-", i) : host.name;
    endpoint.model = model;
    endpoint.address = AddressOf(host.host, host.ports[i]);
    if (ranks) endpoint.rank = static_cast<std::uint32_t>(i);
    endpoint.expert_group = group;
    endpoint.roles = RolesOf(LabelOf(host, config.role_label));
    endpoint.ready = host.ready;
    endpoint.instance = host.instance;
  }
  return endpoints;
}

}  // namespace eldr
